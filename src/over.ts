import { type Conn, createConn } from "./conn/conn.ts";
import {
  type ConnOptions,
  type ConnSettings,
  connSettings,
} from "./conn/options.ts";
import { isToken } from "./handshake/tokens.ts";
import { JSC_TUNING, type Tuning, V8_TUNING } from "./protocol/tuning.ts";
import { javaScriptEngine } from "./runtime/engine.ts";
import { utf8Slice, utf8Write } from "./runtime/node/text.ts";
import type { ByteStream } from "./transport/byte_stream.ts";
import type { Side } from "./transport/transport.ts";
import type { MessageCodec } from "./wire/codec.ts";
import { GuardedStream } from "./wire/guarded_stream.ts";
import { WireTransport } from "./wire/wire_transport.ts";

const TUNING: Tuning = javaScriptEngine === "jsc"
  ? { ...JSC_TUNING, slice: utf8Slice, write: utf8Write }
  : { ...V8_TUNING, slice: utf8Slice };

/** Options of {@linkcode connOver}. */
export interface ConnOverOptions extends ConnOptions {
  /** Which side of the connection this is: clients mask what they send. */
  readonly side: Side;
  /**
   * The subprotocol that was agreed on.
   *
   * @default {""}
   */
  readonly subprotocol?: string;
}

/**
 * A WebSocket connection over any duplex of bytes on which the opening handshake is done, such as an extended CONNECT stream of
 * HTTP/2. The connection owns the stream from now on.
 *
 * @param stream The stream
 * @param options The side, and what an Upgrader or a Dialer takes
 * @returns The connection
 * @throws {RangeError} If a limit or a time is out of range
 * @throws {TypeError} If the side is none, or the subprotocol is no token
 *
 * @example Without HTTP, over any socket
 * ```ts
 * import net, { type AddressInfo } from "node:net";
 * import { once } from "node:events";
 * import { connOver, socketStream } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = net.createServer((socket) => {
 *   const conn = connOver(socketStream(socket), { side: "server" });
 *   conn.readable.pipeTo(conn.writable);
 * }).listen(0, "127.0.0.1");
 * await once(listener, "listening");
 * const { port } = listener.address() as AddressInfo;
 *
 * const socket = net.connect(port, "127.0.0.1");
 * await once(socket, "connect");
 * const conn = connOver(socketStream(socket), { side: "client" });
 * await conn.send("Hello");
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await conn.close();
 * listener.close();
 * ```
 */
export function connOver(stream: ByteStream, options: ConnOverOptions): Conn {
  const { side, subprotocol = "" } = options;
  if (side !== "server" && side !== "client") {
    throw new TypeError(
      `Cannot make connection of side ${side}: use "server" or "client"`,
    );
  }
  if (subprotocol !== "" && !isToken(subprotocol)) {
    throw new TypeError(
      `Cannot use subprotocol ${JSON.stringify(subprotocol)}: it is no token`,
    );
  }
  const settings = connSettings(options, side);
  return wireConn(new GuardedStream(stream), side, subprotocol, settings);
}

/** The connection over a stream on which the opening handshake is done. */
export function wireConn(
  stream: ByteStream,
  side: Side,
  subprotocol: string,
  settings: ConnSettings,
  codec?: MessageCodec | undefined,
): Conn {
  const transport = new WireTransport(stream, {
    side,
    subprotocol,
    readLimit: settings.readLimit,
    writeBufferSize: settings.writeBufferSize,
    writeBufferPool: settings.writeBufferPool,
    codec,
    tuning: TUNING,
  });
  return createConn(transport, settings);
}
