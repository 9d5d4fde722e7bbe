/** The wire engine's transports: pipes in memory and TCP. */

import net from "node:net";

import { connOver } from "../../src/conn_over.ts";
import { pipeStreams } from "../../src/testing/pipe_stream.ts";
import { SocketStream } from "../../src/runtime/sockets/socket_stream.ts";
import type {
  ByteReceiver,
  ByteStream,
} from "../../src/transport/byte_stream.ts";
import type { Side } from "../../src/transport/transport.ts";
import { WIRE_CAPABILITIES } from "../../src/wire/wire_transport.ts";
import type { Fixture } from "./fixture.ts";
import { RawPeer, socketLine } from "../support/raw_peer.ts";

/** More than Linux's buffers hold on both sides of a connection. */
export const TCP_IN_FLIGHT: number = 12 * 2 ** 20;

/** The wire engine over a pipe in memory. */
export function wirePipe(side: Side, chunkSize: number | undefined): Fixture {
  const chunks = chunkSize === undefined ? "whole" : `${chunkSize}-byte`;
  return {
    name: `wire ${side} over a pipe of ${chunks} chunks`,
    engine: "wire",
    side,
    capabilities: WIRE_CAPABILITIES,
    open(options) {
      const [here, there] = pipeStreams({ bufferSize: 16_384 });
      const stream = chunkSize === undefined ? here : cut(here, chunkSize);
      return Promise.resolve({
        conn: connOver(stream, { side, ...options }),
        peer: new RawPeer(there, side === "server" ? "client" : "server"),
        inFlight: 65_536,
      });
    },
  };
}

/** The wire engine over TCP on this machine. */
export function wireTcp(side: Side): Fixture {
  return {
    name: `wire ${side} over TCP`,
    engine: "wire",
    side,
    capabilities: WIRE_CAPABILITIES,
    async open(options) {
      const [accepted, connected] = await tcpPair();
      const [here, there] = side === "server"
        ? [accepted, connected]
        : [connected, accepted];
      return {
        conn: connOver(new SocketStream(here), { side, ...options }),
        peer: new RawPeer(
          socketLine(there),
          side === "server" ? "client" : "server",
        ),
        inFlight: TCP_IN_FLIGHT,
      };
    },
  };
}

/** A stream that receives no chunk larger than `size`. */
function cut(stream: ByteStream, size: number): ByteStream {
  let receiver: ByteReceiver;
  let paused = false;
  let running = false;
  const waiting: (() => void)[] = [];

  // Microtasks run behind each chunk, as on a socket.
  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (!paused && waiting.length > 0) {
      waiting.shift()!();
      await undefined;
    }
    running = false;
    if (!paused) stream.resume();
  }

  function later(event: () => void): void {
    waiting.push(event);
    run();
  }

  return {
    start(to) {
      receiver = to;
      stream.start({
        data(chunk) {
          // The next one is read behind it.
          stream.pause();
          let start = 0;
          const next = () => {
            const end = Math.min(start + size, chunk.length);
            // Before the event: the receiver may ask for more in it.
            if (end < chunk.length) waiting.unshift(next);
            const part = chunk.slice(start, end);
            start = end;
            receiver.data(part);
          };
          later(next);
        },
        end: () => later(() => receiver.end()),
        closed(error) {
          // What was read before a fault may be lost, as on a socket.
          if (error !== undefined) waiting.length = 0;
          paused = false;
          later(() => receiver.closed(error));
        },
      });
    },
    pause() {
      paused = true;
      stream.pause();
    },
    resume() {
      paused = false;
      run();
    },
    write: (chunk, done) => stream.write(chunk, done),
    end: () => stream.end(),
    destroy() {
      waiting.length = 0;
      stream.destroy();
    },
  };
}

/** Two connected sockets: the accepted one and the connecting one. */
async function tcpPair(): Promise<[net.Socket, net.Socket]> {
  const listener = net.createServer({ allowHalfOpen: true });
  const accepted = Promise.withResolvers<net.Socket>();
  listener.once("connection", accepted.resolve);
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", resolve)
  );
  const { port } = listener.address() as net.AddressInfo;
  const connected = net.connect({
    port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  const [server] = await Promise.all([
    accepted.promise,
    new Promise<void>((resolve) => connected.once("connect", () => resolve())),
  ]);
  listener.close();
  return [server, connected];
}
