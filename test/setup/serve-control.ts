/** The control server as a process: prints its address, and ends with the process that started it. */
import { serveControl } from "../apis/serve.ts";

const { url } = await serveControl();
console.log(url);
process.stdin.on("end", () => process.exit()).resume();
