/** VMCloud's resource: a small list of virtual machines per organisation, in memory. */
import { type Call, json, readObject, textOf } from "./replies.ts";
import { problem, type VmcloudUser } from "./vmcloud-data.ts";

export interface Vm {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** Answers calls to `/v1/vms` and below; `undefined` for any other path. */
export function createVms(): (call: Call, user: VmcloudUser) => Response | undefined {
  const lists = new Map<string, Map<string, Vm>>();
  let made = 0;

  function listOf(org: string): Map<string, Vm> {
    let list = lists.get(org);
    if (list === undefined) {
      list = new Map();
      lists.set(org, list);
      const first = { id: `vm-${(made += 1)}`, name: `first of ${org}` };
      list.set(first.id, first);
    }
    return list;
  }

  return (call, user) => {
    const match = /^\/v1\/vms(?:\/([^/]+))?$/.exec(call.url.pathname);
    if (match === null) return undefined;
    const id = match[1];
    const { method } = call;
    const permission = method === "GET" ? "vms:read" : "vms:write";
    if (!user.permissions.includes(permission)) {
      return problem(403, undefined, {
        "www-authenticate": `Bearer error="insufficient_scope"`,
      });
    }
    const list = listOf(user.org);
    if (id === undefined) {
      if (method === "GET") return json(200, { vms: [...list.values()] });
      return method === "POST" ? put(`vm-${(made += 1)}`, 201) : problem(405);
    }
    if (!list.has(id)) return problem(404);
    if (method === "GET") return json(200, list.get(id));
    if (method === "PUT") return put(id, 200);
    if (method !== "DELETE") return problem(405);
    list.delete(id);
    return new Response(null, { status: 204 });

    function put(key: string, status: number): Response {
      const body = readObject(call);
      if (typeof body === "number") return problem(body);
      const vm = { ...body, id: key };
      list.set(key, vm);
      // The text as it came, so that tests can compare what was sent twice, to the byte.
      return json(status, { ...vm, received: textOf(call) });
    }
  };
}
