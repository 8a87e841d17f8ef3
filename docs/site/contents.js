/** What stands in the site's margin: every page of `docs` once, by what a reader wants to do. */

/** @type {readonly { readonly title: string, readonly pages: readonly (readonly [string, string])[] }[]} */
export const contents = [
  {
    title: "Begin",
    pages: [
      ["index", "What it is, and six lines"],
      ["demo", "The demo"],
      ["coming-from", "Coming from another library"],
      ["support", "Supported versions"],
      ["limits", "Limits"],
    ],
  },
  {
    title: "Connect an API",
    pages: [
      ["own-api", "Your own API"],
      ["logins", "Django, Laravel, Rails and others"],
      ["oauth", "OAuth and OpenID Connect"],
      ["oauth-servers", "Auth0, Okta, Keycloak and others"],
      ["cookie", "A refresh token in a cookie"],
      ["presets", "Presets"],
      ["providers", "Write a provider"],
    ],
  },
  {
    title: "Where it runs",
    pages: [
      ["browser", "A page"],
      ["worker", "A page with a worker"],
      ["cloudflare", "Cloudflare Workers"],
      ["deno", "Deno"],
      ["node", "Node and Bun"],
      ["stores", "Stores"],
      ["stores-servers", "Redis and Postgres"],
    ],
  },
  {
    title: "Use it",
    pages: [
      ["fetch", "vault.fetch"],
      ["vault", "The vault's members and options"],
      ["state", "Show who is signed in"],
      ["rendering", "Render on a server"],
      ["testing", "Test your application"],
      ["clients", "ky, axios, tRPC and others"],
      ["wretch", "wretch"],
      ["webhooks", "Webhooks"],
      ["jwt", "JWTs"],
    ],
  },
  { title: "When it goes wrong", pages: [["errors", "Errors"]] },
  {
    title: "How it works",
    pages: [
      ["concepts", "Three pictures"],
      ["protocol", "A refresh, step by step"],
      ["storage-format", "What is stored"],
      ["security", "Security"],
      ["requirements", "Requirements"],
      ["scale", "Scale"],
      ["benchmarks", "Benchmarks"],
    ],
  },
  {
    title: "The project",
    pages: [
      ["changelog", "Changes"],
      ["contributing", "Contributing"],
    ],
  },
];
