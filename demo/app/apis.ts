/** The APIs that the demo can call: what each is like, how one signs in, what it teaches. */

export type ApiId =
  | "vmcloud"
  | "artos"
  | "clary-jwt"
  | "clary"
  | "simplismart"
  | "qovery"
  | "cookie"
  | "oauth";

/** What a sign-in form may ask for. */
export type FieldName = "email" | "password" | "token" | "userId" | "subject" | "apiKey" | "tier";

/** What stands in the form. An API's form has only some of the fields. */
export type Form = Readonly<Record<FieldName, string>>;

export interface Field {
  readonly name: FieldName;
  readonly label: string;
  readonly type: "email" | "password" | "text";
  readonly autocomplete: string;
}

/** Somebody who may sign in: the account's name, and what the person is called. */
export interface Person {
  readonly account: string;
  readonly name: string;
}

export interface Api {
  readonly id: ApiId;
  readonly name: string;
  /** Its kind of token, in two words. */
  readonly kind: string;
  /** How the headline ends. */
  readonly punch: string;
  /** One or two sentences. */
  readonly teaches: string;
  /** What is asked for. */
  readonly path: string;
  readonly fields: readonly Field[];
  /** How long a token really lives, in words; absent where nothing renews it. */
  readonly life?: string;
  /** What a renewal is called here: of one, of many. */
  readonly renewal: readonly [one: string, many: string];
  /** Whether renewals are calls, so that the API can count them and they can go wrong. */
  readonly calls: boolean;
  /** Whether it has refresh tokens, which can be strict or not. */
  readonly rotates?: true;
  /** One logs in at a page of its own, and no form here asks for anything. */
  readonly login?: true;
  /** Its refresh token lies in the browser's cookie jar. */
  readonly jar?: true;
}

export const people: readonly [Person, Person] = [
  { account: "ada", name: "Ada" },
  { account: "grace", name: "Grace" },
];

const secret = (name: FieldName, label: string): Field => ({
  name,
  label,
  type: "password",
  autocomplete: "off",
});
const token = secret("token", "Token, from the API's console");

const login: readonly Field[] = [
  { name: "email", label: "E-mail", type: "email", autocomplete: "username" },
  { name: "password", label: "Password", type: "password", autocomplete: "current-password" },
];

export const apis: readonly Api[] = [
  {
    id: "vmcloud",
    name: "VMCloud",
    kind: "refresh token",
    punch: "One refresh.",
    teaches:
      "A password gets a token for 24 hours and a refresh token, which may be spent once. Two tabs that spend the same one would end the session.",
    path: "/v1/vms",
    fields: login,
    life: "24 h",
    renewal: ["refresh", "refreshes"],
    calls: true,
    rotates: true,
  },
  {
    id: "artos",
    name: "Artos",
    kind: "minted token",
    punch: "One new token.",
    teaches:
      "A user id mints tokens, again and again. So it is the secret: it stays sealed in the store, and one call to mint serves all tabs.",
    path: "/api/v1/templates/",
    fields: [secret("userId", "User id")],
    life: "A fixed period",
    renewal: ["new token", "new tokens"],
    calls: true,
  },
  {
    id: "clary-jwt",
    name: "Clary JWT",
    kind: "signed here",
    punch: "One signature.",
    teaches:
      "The API key never travels. It signs a JWT for an hour; when that ends, one tab signs the next, and nobody asks the network.",
    path: "/v1/documents",
    fields: [
      { name: "subject", label: "Subject", type: "text", autocomplete: "off" },
      { name: "tier", label: "Tier", type: "text", autocomplete: "off" },
      secret("apiKey", "API key"),
    ],
    life: "1 h",
    renewal: ["signature", "signatures"],
    calls: false,
  },
  {
    id: "clary",
    name: "Clary key",
    kind: "static key",
    punch: "One key.",
    teaches:
      "The API key itself is the token. Nothing renews it: when the API refuses it, the 401 comes back to you, once, and the key is kept.",
    path: "/v1/documents",
    fields: [secret("token", "API key")],
    renewal: ["refresh", "refreshes"],
    calls: false,
  },
  {
    id: "simplismart",
    name: "Simplismart",
    kind: "static JWT",
    punch: "One token.",
    teaches:
      "A JWT from the console, for one organisation. Its claims can be shown; nothing renews it, so a 401 comes back and asks for another.",
    path: "/deployments/list/model/",
    fields: [token],
    renewal: ["refresh", "refreshes"],
    calls: false,
  },
  {
    id: "qovery",
    name: "Qovery",
    kind: "static token",
    punch: "One token.",
    teaches:
      "Shown once in the console, sent as Authorization: Token. It is opaque: no claims, no known end, and never thrown away for you.",
    path: "/organization",
    fields: [token],
    renewal: ["refresh", "refreshes"],
    calls: false,
  },
  {
    id: "cookie",
    name: "Own API",
    kind: "refresh cookie",
    punch: "One refresh.",
    teaches:
      "A login sets the refresh token as an HttpOnly cookie, which no script can read. Each refresh spends it and sets the next: two tabs that refresh at once would end the session.",
    path: "/me",
    fields: login,
    life: "15 min",
    renewal: ["refresh", "refreshes"],
    calls: true,
    jar: true,
  },
  {
    id: "oauth",
    name: "Acme",
    kind: "OAuth login",
    punch: "One refresh.",
    teaches:
      "You log in at the server's own page, which sends you back with a code. The vault redeems it; its refresh tokens rotate, and one that comes twice would end the session.",
    path: "/api/me",
    fields: [],
    life: "1 h",
    renewal: ["refresh", "refreshes"],
    calls: true,
    rotates: true,
    login: true,
  },
];

export const apiOf = (id: string | null): Api => apis.find((api) => api.id === id) ?? apis[0]!;
