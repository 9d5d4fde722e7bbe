/** What the suite runs against: echoes on this runtime. */

import { createServer, type Socket } from "node:net";

import type { CompressionOptions } from "../../../src/deflate/options.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { serve } from "../../../src/server/serve.ts";
import { serveNative } from "../../support/native.ts";
import type { RawPeer } from "../../support/raw_peer.ts";
import { listen } from "../../support/sockets.ts";
import type { Case } from "./case.ts";
import type { Connection, Target } from "./engine.ts";
import { acceptTarget, dialTarget } from "./peer.ts";

/** A target's name, the same on every runtime. */
export type TargetName = "server" | "client" | "native";

/** What the targets are called in a report. */
export const TARGET_NAMES: readonly TargetName[] = [
  "server",
  "client",
  "native",
];

/** A target that runs. */
export type RunningTarget = Target & AsyncDisposable;

/** What a case asks for. */
type Options = "none" | "default" | "takeover";

const COMPRESSION: Readonly<Record<Options, boolean | CompressionOptions>> = {
  none: false,
  default: true,
  takeover: {
    threshold: 0,
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
  },
};
const IGNORE = () => {};

/** Starts a target of this runtime. */
export async function startTarget(name: TargetName): Promise<RunningTarget> {
  switch (name) {
    case "server":
      return await Servers.start(async (options) => {
        const server = await serve(echo, {
          port: 0,
          hostname: "127.0.0.1",
          upgrader: { enableCompression: COMPRESSION[options] },
          onError: IGNORE,
        });
        const { addr } = server;
        return {
          port: addr.transport === "tcp" ? addr.port : 0,
          [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
        };
      });
    case "native":
      return await Servers.start((options) =>
        Promise.resolve(serveNative(echo, {
          enableCompression: COMPRESSION[options],
          onError: IGNORE,
        }))
      );
    case "client":
      return await Clients.start();
  }
}

interface RunningServer extends AsyncDisposable {
  readonly port: number;
}

/** Servers that echo, one for each way to compress. */
class Servers implements RunningTarget {
  readonly side = "server";
  readonly #servers: Readonly<Record<Options, RunningServer>>;

  private constructor(servers: Readonly<Record<Options, RunningServer>>) {
    this.#servers = servers;
  }

  static async start(
    start: (options: Options) => Promise<RunningServer>,
  ): Promise<Servers> {
    return new Servers({
      none: await start("none"),
      default: await start("default"),
      takeover: await start("takeover"),
    });
  }

  async connect(testCase: Case): Promise<Connection> {
    const { port } = this.#servers[optionsOf(testCase)];
    const offer = testCase.compression?.offers;
    const opened = await dialTarget(port, offer);
    return { ...opened, offer, released: opened.peer.closed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of Object.values(this.#servers)) {
      await server[Symbol.asyncDispose]();
    }
  }
}

/** A client's connection that the server of bytes waits for. */
interface Expected {
  readonly choose: (offer: string | undefined) => string | undefined;
  readonly opened: (peer: RawPeer | PromiseLike<RawPeer>) => void;
}

/** Dialers whose connections echo, to a server of bytes. */
class Clients implements RunningTarget {
  readonly side = "client";
  readonly #server = createServer({ allowHalfOpen: true });
  /** By the path that the client asks for. */
  readonly #expected: Map<string, Expected> = new Map();
  #port = 0;
  #count = 0;

  private constructor() {
    this.#server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(): Promise<Clients> {
    const clients = new Clients();
    clients.#port = await listen(clients.#server);
    return clients;
  }

  async connect(testCase: Case): Promise<Connection> {
    const dialer = new Dialer({
      enableCompression: COMPRESSION[optionsOf(testCase)],
    });
    const path = `/${++this.#count}`;
    let [offer, extensions]: (string | undefined)[] = [];
    const opened = Promise.withResolvers<RawPeer>();
    this.#expected.set(path, {
      opened: opened.resolve,
      choose(offered) {
        offer = offered;
        extensions = offer && testCase.compression?.answers;
        return extensions;
      },
    });
    const dialed = dialer.dial(`ws://127.0.0.1:${this.#port}${path}`);
    dialed.catch(opened.reject);
    const released = dialed.then(async ({ conn }) => {
      await echo(conn).catch(IGNORE);
      await conn.closed;
    });
    const peer = await opened.promise;
    return { peer, offer, extensions, released };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  async #accept(socket: Socket): Promise<void> {
    let expected: Expected | undefined;
    const peer = await acceptTarget(socket, (path, offer) => {
      expected = this.#expected.get(path);
      this.#expected.delete(path);
      return expected?.choose(offer);
    });
    expected?.opened(peer);
  }
}

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

function optionsOf({ compression }: Case): Options {
  return compression?.options ?? "none";
}
