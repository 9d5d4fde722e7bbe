/** Node's types, for the signatures of code that passes such objects on. */
export type { IncomingMessage } from "node:http";
export type {
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Stream,
} from "node:http2";
export type { Duplex } from "node:stream";
