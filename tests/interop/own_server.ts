/**
 * The runtime's own WebSocket server, in front of our client. It speaks the
 * subprotocol "b", echoes every message, closes with `CODE REASON` at the text
 * `close CODE REASON`, pings at `/pings`, and tells at `/last` how a connection
 * to `/told` was closed.
 */

import { runtime } from "../support/helper.ts";

/** A server of the runtime. */
export interface OwnServer extends AsyncDisposable {
  readonly port: number;
}

const CLOSE = /^close (\d+) (.*)$/;

/** How connections to `/told` have ended, for those to `/last`. */
class Ends {
  readonly #ends: string[] = [];
  #asking: ((end: string) => void) | undefined;

  /** A connection has ended. */
  tell(end: string): void {
    if (this.#asking === undefined) this.#ends.push(end);
    else this.#asking(end);
    this.#asking = undefined;
  }

  /** Sends the next end, now or when it comes. */
  ask(send: (end: string) => void): void {
    const end = this.#ends.shift();
    if (end === undefined) this.#asking = send;
    else send(end);
  }
}

/** Starts the server on a free port. */
export function startOwnServer(): OwnServer {
  return runtime === "bun" ? startBun() : startDeno();
}

function startDeno(): OwnServer {
  const ends = new Ends();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => {
      const offered = request.headers.get("sec-websocket-protocol") ?? "";
      const { socket, response } = Deno.upgradeWebSocket(request, {
        ...(offered.includes("b") ? { protocol: "b" } : {}),
        idleTimeout: request.url.endsWith("/pings") ? 6 : 0,
      });
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        if (request.url.endsWith("/last")) ends.ask((end) => socket.send(end));
      };
      socket.onmessage = ({ data }) => {
        const [, code, reason] = CLOSE.exec(String(data).slice(0, 200)) ?? [];
        if (code === undefined) socket.send(data);
        else socket.close(Number(code), reason);
      };
      socket.onclose = ({ code, reason }) => {
        if (request.url.endsWith("/told")) ends.tell(`${code} ${reason}`);
      };
      socket.onerror = () => {};
      return response;
    },
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

interface BunSocket {
  readonly data: string;
  send(data: string | Uint8Array): number;
  ping(data: string): number;
  close(code: number, reason: string): void;
}

interface BunScope {
  readonly Bun: {
    serve(options: unknown): {
      readonly port: number;
      stop(force: boolean): Promise<void>;
    };
  };
}

function startBun(): OwnServer {
  const ends = new Ends();
  const { Bun } = globalThis as unknown as BunScope;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(
      request: Request,
      server: { upgrade(request: Request, options: unknown): boolean },
    ) {
      const offered = request.headers.get("sec-websocket-protocol") ?? "";
      const headers = offered.includes("b")
        ? { "Sec-WebSocket-Protocol": "b" }
        : {};
      const data = new URL(request.url).pathname;
      if (server.upgrade(request, { data, headers })) return undefined;
      return new Response("", { status: 400 });
    },
    websocket: {
      perMessageDeflate: true,
      open(socket: BunSocket) {
        if (socket.data === "/last") ends.ask((end) => socket.send(end));
        if (socket.data === "/pings") socket.ping("knock");
      },
      message(socket: BunSocket, data: string | Uint8Array) {
        const [, code, reason] = typeof data === "string"
          ? CLOSE.exec(data.slice(0, 200)) ?? []
          : [];
        if (code === undefined) socket.send(data);
        else socket.close(Number(code), reason!);
      },
      close(socket: BunSocket, code: number, reason: string) {
        if (socket.data === "/told") ends.tell(`${code} ${reason}`);
      },
    },
  });
  return {
    port: server.port,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
