/** What is thrown may be anything: its members are asked for, and never its class. */
export const memberOf = (thrown: unknown, name: string): unknown => Object(thrown)[name];
