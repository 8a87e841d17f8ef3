/** A database as tests use it: by name, behind the store's back, or by a factory that misbehaves. */

export const freshDatabase = (): string => `tokenkeep-test-${Math.random()}`;

export function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** A database as somebody else has made it, with object stores of these names. */
export async function makeDatabase(
  database: string,
  version: number,
  stores: readonly string[] = [],
  options?: IDBObjectStoreParameters,
): Promise<IDBDatabase> {
  const request = indexedDB.open(database, version);
  request.addEventListener("upgradeneeded", () => {
    for (const name of stores) request.result.createObjectStore(name, options);
  });
  return settle(request);
}

/** Puts a value into the database behind the store's back. */
export async function plant(database: string, key: IDBValidKey, value: unknown): Promise<void> {
  const db = await settle(indexedDB.open(database));
  await settle(db.transaction("records", "readwrite").objectStore("records").put(value, key));
  db.close();
}

export async function dig(database: string, key: IDBValidKey): Promise<unknown> {
  const db = await settle(indexedDB.open(database));
  const value: unknown = await settle(db.transaction("records").objectStore("records").get(key));
  db.close();
  return value;
}

/** A factory that hands on to the real one, and can be told to do otherwise. */
export function factory(): {
  opens: number;
  open: ((name: string) => unknown) | undefined;
  made: IDBFactory;
} {
  const self = {
    opens: 0,
    open: undefined as ((name: string) => unknown) | undefined,
    made: {
      open(name: string, version?: number) {
        self.opens++;
        return self.open ? self.open(name) : indexedDB.open(name, version);
      },
    } as unknown as IDBFactory,
  };
  return self;
}
