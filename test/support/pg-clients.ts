/** Clients of `pg` that connect at once and take all that they are asked. */
import { EventEmitter } from "node:events";

/** A class of clients, and those that were made; `makes` says whether one can be. */
export function pgClients(makes: () => boolean = () => true) {
  const clients: EventEmitter[] = [];
  class Client extends EventEmitter {
    constructor() {
      super();
      if (!makes()) throw new Error("ENOENT");
      clients.push(this);
    }
    connect = async (): Promise<void> => {};
    query = async (): Promise<void> => {};
    end = async (): Promise<void> => {};
  }
  return { Client, clients };
}
