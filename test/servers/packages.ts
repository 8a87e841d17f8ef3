/** The packages that a process can reach its server by. */
export type Pool = "pg" | "postgres";
export type Client = "redis" | "ioredis";
export type Kind = Pool | Client;

export const KINDS: readonly Kind[] = ["redis", "ioredis", "pg", "postgres"];

export const isPool = (kind: Kind): kind is Pool => kind === "pg" || kind === "postgres";
