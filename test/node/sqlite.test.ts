/** The SQLite store in the Node that runs this. */
import { sqliteContract } from "../contracts/sqlite.ts";

sqliteContract();
