/** What a schedule can break, by code: the number in `docs/requirements.md`, and what of it. */

export type Code =
  | "P2.early"
  | "P2.claimed"
  | "P2.held"
  | "P2.living"
  | "P2.unknown"
  | "P3.body"
  | "P3.revision"
  | "P3.generation"
  | "P4.back"
  | "P4.here"
  | "P4.elsewhere"
  | "P4.stands"
  | "P4.removed"
  | "P4.restored"
  | "P5.cleared"
  | "P5.early"
  | "P6.unknown"
  | "P6.mixed"
  | "P6.order"
  | "P7.unstored"
  | "P8.moved"
  | "P9.again"
  | "P9.twice"
  | "P9.serves"
  | "P10.exchange"
  | "P10.late"
  | "P10.open"
  | "P11.sends"
  | "P11.bytes"
  | "P11.same"
  | "P15.floor"
  | "P15.past"
  | "P15.loop"
  | "P15.timer"
  | "P16.gone"
  | "P16.without"
  | "P17.asked"
  | "P17.lost"
  | "P18.cool"
  | "P18.retry-after"
  | "P19.sign-in"
  | "P19.earlier"
  | "P19.ended"
  | "P19.served"
  | "P19.sign-out"
  | "P20.dropped"
  | "P20.revoked"
  | "P20.thawed"
  | "P20.waiting"
  | "P21.intent"
  | "P21.request"
  | "P21.store"
  | "P21.revoked"
  | "F33.lower"
  | "F46.revocation"
  | "F103.crossed"
  | "F103.overlap"
  | "S11.account"
  | "family";

export class Violation extends Error {
  readonly code: Code;

  constructor(code: Code, text: string) {
    super(`${code}: ${text}`);
    this.name = "Violation";
    this.code = code;
  }
}
