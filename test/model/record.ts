/** What the model reads in a stored record: the members that invariants are about. */
import type { StoredRecord } from "../../src/types.ts";

export interface Body {
  readonly generation: number;
  readonly attempt: number;
  readonly issuedAt: number;
  readonly startedAt: number;
  readonly renewedAt?: number;
  readonly refused?: true;
  readonly causedBy?: string;
  readonly tokenSet: { accessToken: string; refreshToken?: string; expiresAt?: number };
  readonly intent?: {
    readonly attemptId: string;
    readonly attempt: number;
    readonly repeated: boolean;
    readonly ended?: true;
    readonly causedBy?: string;
  };
  readonly coolDown?: { until: number; tries: number };
}

export const bodyOf = (record: StoredRecord | undefined): Body | undefined =>
  record?.body as Body | undefined;
