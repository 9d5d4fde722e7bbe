import { adviseOnOptions } from "./base/option_advice.ts";
import type { Conn } from "./conn/conn.ts";
import { opened } from "./conn/ownership.ts";
import { createConn } from "./conn/create_conn.ts";
import {
  CONN_OPTIONS,
  type ConnOptions,
  type ConnSettings,
  connSettings,
  KEEP_ALIVE_OPTIONS,
} from "./conn/options.ts";
import { MESSAGE_LIMIT_OPTIONS } from "./conn/message_limit.ts";
import { isToken } from "./handshake/tokens.ts";
import { declareOptions, type OptionsOf, readOptions } from "./base/options.ts";
import { JSC_TUNING, type Tuning, V8_TUNING } from "./protocol/tuning.ts";
import { javaScriptEngine } from "./runtime/engine.ts";
import { utf8Slice, utf8Write } from "./runtime/quirks/text.ts";
import type { ByteStream } from "./transport/byte_stream.ts";
import type { Side } from "./transport/transport.ts";
import type { MessageCodec } from "./transport/codec.ts";
import { SocketStream } from "./runtime/sockets/socket_stream.ts";
import { GuardedStream } from "./streams/guarded_stream.ts";
import { WireTransport } from "./wire/wire_transport.ts";

adviseOnOptions();

const TUNING: Tuning = javaScriptEngine === "jsc"
  ? { ...JSC_TUNING, slice: utf8Slice, write: utf8Write }
  : { ...V8_TUNING, slice: utf8Slice };

/** Options of {@linkcode connOver}. */
export interface ConnOverOptions extends ConnOptions {
  /** Which side of the connection this is. Clients mask what they send. */
  readonly side: Side;
  /**
   * The subprotocol that was agreed on.
   *
   * @default {""}
   */
  readonly subprotocol?: string;
}

const CONN_OVER_OPTIONS: OptionsOf<ConnOverOptions> = declareOptions({
  what: "connOver()",
  use: "connOver(stream, { … })",
  names: { ...CONN_OPTIONS, side: true, subprotocol: true },
  within: {
    keepAlive: KEEP_ALIVE_OPTIONS.names,
    messageLimit: MESSAGE_LIMIT_OPTIONS.names,
  },
});

/**
 * A WebSocket connection over any duplex of bytes on which the opening
 * handshake is done, such as an extended CONNECT stream of HTTP/2. The
 * connection owns the stream from now on.
 *
 * @param stream The stream
 * @param options The side, and the options that an Upgrader and a Dialer share
 * @returns The connection
 * @throws {RangeError} If a limit or a time is out of range
 * @throws {TypeError} If the stream is none, the side is not one of the two, the
 * subprotocol is not a token, or an option is unknown
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
 *   conn.readable.pipeTo(conn.writable).catch(console.error);
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
 * await once(listener.close(), "close"); // waits for its end, too
 * ```
 */
export function connOver(stream: ByteStream, options: ConnOverOptions): Conn {
  const read = readOptions(options, CONN_OVER_OPTIONS);
  const { side, subprotocol = "" } = read;
  if (side !== "server" && side !== "client") {
    throw new TypeError(
      `Cannot make connection of side ${side}: use "server" or "client"`,
    );
  }
  if (subprotocol !== "" && !isToken(subprotocol)) {
    throw new TypeError(
      `Cannot use subprotocol ${
        JSON.stringify(subprotocol)
      }: it is not a token`,
    );
  }
  const settings = connSettings(read, side);
  const safe = stream instanceof SocketStream
    ? stream
    : new GuardedStream(stream);
  const conn = wireConn(safe, side, subprotocol, settings);
  opened(conn);
  return conn;
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
