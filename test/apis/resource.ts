/** An API's resource: a small list per organisation, in memory. A thing belongs to one of them. */
import { type Call, json, readObject, textOf } from "./replies.ts";
import { orgs } from "./contract.ts";

/**
 * Answers calls to `path` and what lies below it with a reply or with the status of an error, 403 for
 * another organisation's thing; any other path with `undefined`.
 */
export type Shelf = (call: Call, path: string, org: string) => Response | number | undefined;

/** The first thing of an organisation is called `<kind>-<organisation>`. */
export function createShelf(kind: string): Shelf {
  const things = new Map<string, { org: string; thing: object }>();
  for (const org of Object.values(orgs))
    if (org !== undefined) things.set(`${kind}-${org}`, { org, thing: { id: `${kind}-${org}` } });
  let made = 0;

  function put(call: Call, org: string, id: string, status: number): Response | number {
    const body = readObject(call);
    if (typeof body === "number") return body;
    const thing = { ...body, id };
    things.set(id, { org, thing });
    // The text as it came, so that tests can compare what was sent twice, to the byte.
    return json(status, { ...thing, received: textOf(call) });
  }

  return (call, path, org) => {
    const { method, url } = call;
    if (url.pathname !== path && !url.pathname.startsWith(`${path}/`)) return undefined;
    const [id, ...rest] = url.pathname.slice(path.length + 1).split("/");
    if (rest.join("") !== "") return undefined;
    if (!id) {
      const own = [...things.values()].filter((one) => one.org === org);
      if (method === "GET") return json(200, { results: own.map(({ thing }) => thing) });
      return method === "POST" ? put(call, org, `${kind}-${(made += 1)}`, 201) : 405;
    }
    const found = things.get(id);
    if (found === undefined) return 404;
    if (found.org !== org) return 403;
    if (method === "GET") return json(200, found.thing);
    if (method === "PUT") return put(call, org, id, 200);
    if (method !== "DELETE") return 405;
    things.delete(id);
    return new Response(null, { status: 204 });
  };
}
