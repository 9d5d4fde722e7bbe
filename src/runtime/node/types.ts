/** Node's types, for the signatures of those who hand such objects on. */
export type { IncomingMessage } from "node:http";
export type { Duplex } from "node:stream";
