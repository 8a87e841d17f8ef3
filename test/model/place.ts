/** One tab, worker, process or isolate: what can be frozen and killed as a whole. */
import type { Entry } from "./queue.ts";

export interface Place {
  readonly id: number;
  /** Which device it is on: devices share no store, lock or channel. */
  readonly device: number;
  readonly account: string;
  readonly openedAt: number;
  /** Its wall clock's distance from true time. */
  offset: number;
  isFrozen: boolean;
  isCrashed: boolean;
  /** When its vault was closed, and whether nothing was under way at that moment. */
  closedAt: number;
  wasIdle: boolean;
  /** What its application waits for beside calls, and its requests to the token endpoint. */
  readonly busy: Set<object>;
  /** True time at which it was last frozen or resumed. */
  disturbedAt: number;
  freezes: number;
  frozenFor: number;
  frozenAt: number;
  storeDown: boolean;
  storeDownAt: number;
  storeUpAt: number;
  /** Its writes are answered with no, whatever stands in the store. */
  storeRefuses: boolean;
  /** What its store was asked for and has not answered yet: when each was asked. */
  readonly pending: Set<{ readonly askedAt: number }>;
  /** How long the answer travelled that its store gave last. */
  travel: number;
  /** When it had its first answer from its store. */
  readAt: number;
  /** By key: when it last heard what stands in its store. */
  lookedAt: Map<string, number>;
  /** The same, without an intent: how old one can be that it saw later. */
  quietAt: Map<string, number>;
  /**
   * By session and generation, and by attempt: when it had last looked before it saw that one, so how old
   * that can be.
   */
  notBefore: Map<string, number>;
  backlog: Entry[];
}

export const makePlace = (
  id: number,
  parts: Pick<Place, "device" | "account" | "openedAt">,
): Place => ({
  ...parts,
  id,
  offset: 0,
  isFrozen: false,
  isCrashed: false,
  closedAt: Infinity,
  wasIdle: false,
  busy: new Set(),
  disturbedAt: -Infinity,
  freezes: 0,
  frozenFor: 0,
  frozenAt: 0,
  storeDown: false,
  storeDownAt: 0,
  storeUpAt: 0,
  storeRefuses: false,
  pending: new Set(),
  travel: 0,
  readAt: Infinity,
  lookedAt: new Map(),
  quietAt: new Map(),
  notBefore: new Map(),
  backlog: [],
});
