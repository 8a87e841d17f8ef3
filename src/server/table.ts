/** Whether a Postgres table is the one of the documentation, and keeps what it acknowledges. */
import { type Cause, fail } from "../guard/stored.ts";
import type { Postgres } from "./postgres.ts";

/** A standby may be behind: each look tells whether it was one that answered. */
export const LOOK = "SELECT pg_is_in_recovery()::text";

export const STANDBY: Cause = ["this database is a standby", "Connect to the primary"];

/** A table as the application calls it, and quoted. */
export interface Table {
  readonly title: string;
  readonly name: string;
}

export const missing = (title: string): Cause =>
  title.includes(".")
    ? [`there is no table ${title}`, "Make it with the SQL in docs/stores-servers.md"]
    : [
        `there is no table ${title} on the search_path`,
        "Make it with the SQL in docs/stores-servers.md, or name its schema",
      ];

export const different = (title: string): Cause => [
  `the table ${title} is another one's`,
  "Compare it with docs/stores-servers.md",
];

/** Ordinary, and not a view or a foreign table, behind which anything may stand. */
const ORDINARY = "r";

const COLUMNS = "body text, head jsonb, key text, write_id text";

/** By the catalog, because a wrong column would be noticed by the first write only. */
const PROOF = `${LOOK}, current_setting('fsync'), relkind::text, relpersistence::text,
  (SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attname::text COLLATE "C")
    FROM pg_attribute WHERE attrelid = pg_class.oid AND attname IN ('key', 'head', 'body', 'write_id')),
  EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = pg_class.oid AND attname = 'key' AND indisunique AND indisvalid AND indnkeyatts = 1
      AND indpred IS NULL)::text
  FROM (SELECT) AS one LEFT JOIN pg_class ON pg_class.oid = to_regclass($1)`;

/** Throws `store_unavailable` where an acknowledged write may be lost, and where none can succeed. */
export async function prove(postgres: Postgres, { title, name }: Table): Promise<void> {
  const [row = []] = await postgres.run(PROOF, [name]);
  const [isStandby, fsync, kind, persistence, columns, isUnique] = row;
  if (isStandby !== "false") fail(...STANDBY);
  if ((kind ?? null) === null) fail(...missing(title));
  if (kind !== ORDINARY || columns !== COLUMNS || isUnique !== "true") fail(...different(title));
  if (persistence !== "p")
    fail(`the table ${title} is emptied by a crash`, `ALTER TABLE ${title} SET LOGGED`);
  if (fsync !== "on")
    fail(
      "fsync is off, and a crash loses what was acknowledged",
      "Set fsync = on, or dangerouslyAssumeDurable if your host stores by other means",
    );
}
