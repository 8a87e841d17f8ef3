/** The APIs that the demo can call: what each is like, how one signs in, what it teaches. */

export type ApiId = "vmcloud";

/** A field of the sign-in form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: "email" | "password" | "text";
  readonly autocomplete: string;
}

/** Somebody who may sign in, with what the form is filled with. */
export interface Person {
  readonly account: string;
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

export interface Api {
  readonly id: ApiId;
  readonly name: string;
  /** Its kind of token, in two words. */
  readonly kind: string;
  /** One sentence. */
  readonly teaches: string;
  /** What is asked for. */
  readonly path: string;
  readonly fields: readonly Field[];
  readonly people: readonly [Person, Person];
  /** How long a token lives there, in words; absent where it has no end that one could know. */
  readonly life?: string;
  /** What a refresh is called here: of one, of many. */
  readonly renewal: readonly [one: string, many: string];
  /** Whether the API itself can count them: they are calls to it. */
  readonly countedByApi: boolean;
  /** Whether it has refresh tokens, which can be strict or not. */
  readonly rotates?: true;
}

const email: Field = { name: "email", label: "E-mail", type: "email", autocomplete: "username" };
const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
};

export const apis: readonly Api[] = [
  {
    id: "vmcloud",
    name: "VMCloud",
    kind: "refresh token",
    teaches:
      "A password gets a token and a refresh token. Each refresh token may be spent once, so two tabs that refresh at the same time would end the session.",
    path: "/v1/vms",
    fields: [email, password],
    people: [
      {
        account: "ada",
        name: "Ada",
        values: { email: "ada@example.com", password: "correct horse" },
      },
      {
        account: "grace",
        name: "Grace",
        values: { email: "grace@example.com", password: "battery staple" },
      },
    ],
    life: "24 h",
    renewal: ["refresh", "refreshes"],
    countedByApi: true,
    rotates: true,
  },
];

export const apiOf = (id: string | null): Api => apis.find((api) => api.id === id) ?? apis[0]!;
