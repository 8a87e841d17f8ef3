/**
 * A remote Deno KV database on this machine: a server of the KV Connect protocol, version 3, so that
 * Deno's own client can be watched and its replies be lost. It keeps values as they come.
 *
 * @see https://github.com/denoland/denokv/blob/main/proto/kv-connect.md
 */
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";

/** What goes wrong with the next request of a kind. */
export type Mishap = "none" | "lost before" | "lost after" | "503 after";

export interface KvConnect {
  /** For `Deno.openKv`. */
  readonly url: string;
  /** The requests of the data path, in order: the endpoint and the method. */
  readonly asked: string[];
  /** For atomic writes, one after the other; none where it is empty. */
  readonly mishaps: Mishap[];
  close(): Promise<void>;
}

type Field = number | Uint8Array;
type Fields = ReadonlyMap<number, readonly Field[]>;

const VARINT = 0;
const BYTES = 2;

/** Reads a number of seven bits a byte, least first; gives where the next thing begins. */
function readVarint(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let at = from, weight = 1; ; at++, weight *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * weight;
    if (byte < 128) return { value, end: at + 1 };
  }
}

function readMessage(bytes: Uint8Array): Fields {
  const fields = new Map<number, Field[]>();
  for (let at = 0; at < bytes.length;) {
    const tag = readVarint(bytes, at);
    const head = readVarint(bytes, tag.end);
    const isBytes = tag.value % 8 === BYTES;
    const end = isBytes ? head.end + head.value : head.end;
    const name = Math.floor(tag.value / 8);
    const value = isBytes ? bytes.subarray(head.end, end) : head.value;
    fields.set(name, [...(fields.get(name) ?? []), value]);
    at = end;
  }
  return fields;
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A message of these fields, by their numbers. */
const message = (fields: readonly (readonly [number, Field])[]): Uint8Array =>
  Uint8Array.from(
    fields.flatMap(([name, value]) =>
      typeof value === "number"
        ? [...varint(name * 8 + VARINT), ...varint(value)]
        : [...varint(name * 8 + BYTES), ...varint(value.length), ...value],
    ),
  );

const bytesOf = (fields: Fields, name: number): Uint8Array => {
  const [first] = fields.get(name) ?? [];
  return first instanceof Uint8Array ? first : new Uint8Array();
};
const allOf = (fields: Fields, name: number): Fields[] =>
  (fields.get(name) ?? []).map((one) => readMessage(one as Uint8Array));
const numberOf = (fields: Fields, name: number): number => Number(fields.get(name)?.[0] ?? 0);

/** Sorts as its bytes do. */
const nameOf = (key: Uint8Array): string => Buffer.from(key).toString("hex");

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly encoding: number;
  readonly versionstamp: Uint8Array;
}

class Data {
  #entries = new Map<string, Entry>();
  #commits = 0;

  /** `SnapshotRead`, whose answer says that it is strongly consistent. */
  read(request: Fields): Uint8Array {
    const ranges = allOf(request, 1).map((range): readonly [number, Uint8Array] => {
      const [start, end] = [nameOf(bytesOf(range, 1)), nameOf(bytesOf(range, 2))];
      const names = [...this.#entries.keys()].filter((name) => name >= start && name < end);
      const found = names.toSorted().slice(0, numberOf(range, 3));
      const values = found.map((name): readonly [number, Uint8Array] => {
        const { key, value, encoding, versionstamp } = this.#entries.get(name)!;
        return [
          1,
          message([
            [1, key],
            [2, value],
            [3, encoding],
            [4, versionstamp],
          ]),
        ];
      });
      return [1, message(values)];
    });
    const strong = 1;
    const success = 1;
    return message([...ranges, [4, strong], [8, success]]);
  }

  /** `AtomicWrite`: all of it where every check holds, otherwise nothing. */
  write(request: Fields): Uint8Array {
    const holds = (check: Fields): boolean => {
      const known = this.#entries.get(nameOf(bytesOf(check, 1)));
      const stamp = nameOf(known?.versionstamp ?? new Uint8Array());
      return stamp === nameOf(bytesOf(check, 2));
    };
    const checkFailure = 2;
    if (!allOf(request, 1).every(holds)) return message([[1, checkFailure]]);
    this.#commits += 1;
    const versionstamp = Uint8Array.from(Buffer.from(String(this.#commits).padStart(10, "0")));
    for (const mutation of allOf(request, 2)) {
      const key = Uint8Array.from(bytesOf(mutation, 1));
      const given = readMessage(bytesOf(mutation, 2));
      const value = Uint8Array.from(bytesOf(given, 1));
      const set = 1;
      if (numberOf(mutation, 3) === set)
        this.#entries.set(nameOf(key), { key, value, encoding: numberOf(given, 2), versionstamp });
      else this.#entries.delete(nameOf(key));
    }
    const success = 1;
    return message([
      [1, success],
      [2, versionstamp],
    ]);
  }
}

async function bodyOf(request: Http2ServerRequest): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Where the data are, once by a primary and once by a replica that has none of them. */
const metadata = (url: string): string =>
  JSON.stringify({
    version: 3,
    uuid: "00000000-0000-4000-8000-000000000001",
    databaseId: "00000000-0000-4000-8000-000000000001",
    endpoints: [
      { url: `${url}/replica`, consistency: "eventual" },
      { url: `${url}/primary`, consistency: "strong" },
    ],
    token: "data-token",
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  });

export async function serveKvConnect(accessToken: string): Promise<KvConnect> {
  const places: Record<string, Data> = { primary: new Data(), replica: new Data() };
  const asked: string[] = [];
  const mishaps: Mishap[] = [];
  let url = "";

  async function answer(request: Http2ServerRequest, reply: Http2ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const [, place = "", method = ""] = request.url?.split("/") ?? [];
    const data = places[place];
    const expected = `Bearer ${data ? "data-token" : accessToken}`;
    if (request.headers.authorization !== expected) return void reply.writeHead(401).end("no");
    if (!data)
      return void reply.writeHead(200, { "content-type": "application/json" }).end(metadata(url));
    asked.push(`${place} ${method}`);
    const mishap = method === "atomic_write" ? mishaps.shift() : undefined;
    if (mishap === "lost before") return void request.stream.session?.destroy();
    const fields = readMessage(body);
    const said = method === "atomic_write" ? data.write(fields) : data.read(fields);
    if (mishap === "lost after") return void request.stream.session?.destroy();
    if (mishap === "503 after") return void reply.writeHead(503).end("later");
    reply.writeHead(200, { "content-type": "application/x-protobuf" }).end(said);
  }

  const server = createServer((request, reply) => void answer(request, reply));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    mishaps,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
