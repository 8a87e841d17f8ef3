/** What endpoints say of a session's tokens, step by step, and what is known of them then. */
import {
  afterBeginning,
  afterCommit,
  afterPass,
  afterRejection,
  type Endpoints,
  isHeldBack,
  isSurelyOver as isOver,
  noEndpoints,
} from "../../../src/refresh/endpoints.ts";
import { HOUR, SECOND } from "./known-sessions.ts";

export type Step = (endpoints: Endpoints) => Endpoints;

export const told = (...steps: readonly Step[]): Endpoints =>
  steps.reduce((endpoints, step) => step(endpoints), noEndpoints);

export interface Rejecting {
  /** How old the generation is; an hour by default. */
  readonly age?: number;
  readonly isOwn?: boolean;
}

/** `isUntried`: it is sure that no endpoint has let the generation through. */
export const isSurelyOver = (
  known: Endpoints,
  generation: number,
  at: number,
  isUntried = false,
): boolean => isOver(known, { generation, at, isUntried });

export const rejects =
  (
    endpoint: string,
    generation: number,
    at: number,
    { age = HOUR, isOwn = false }: Rejecting = {},
  ): Step =>
  (endpoints) =>
    afterRejection(endpoints, { endpoint, generation, at, age, isOwn });

export const passes =
  (endpoint: string, generation: number, at: number): Step =>
  (endpoints) =>
    afterPass(endpoints, endpoint, { generation, at });

export const begins =
  (endpoint: string, at: number): Step =>
  (endpoints) =>
    afterBeginning(endpoints, endpoint, at);

export const commits =
  (generation: number, at: number): Step =>
  (endpoints) =>
    afterCommit(endpoints, generation, at);

/** Rejects its own new generation at once: a pause begins at that moment. */
export const refuses = (endpoint: string, generation: number, at: number): Step =>
  rejects(endpoint, generation, at, { age: SECOND, isOwn: true });

export const isHeldBackAt = (
  endpoints: Endpoints,
  endpoint: string,
  generation: number,
  at: number,
): boolean => isHeldBack(endpoints, { endpoint, generation, at });

/** Whether one more of the same 401 is held back. */
export const isPausedAt = (
  endpoints: Endpoints,
  endpoint: string,
  generation: number,
  at: number,
): boolean => isHeldBackAt(rejects(endpoint, generation, at)(endpoints), endpoint, generation, at);
