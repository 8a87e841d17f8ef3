/** Randomness that nobody can guess. */

/** 128 random bits. `crypto.randomUUID` is missing in insecure contexts. */
export const randomId = (): string => crypto.getRandomValues(new Uint32Array(4)).join("_");
