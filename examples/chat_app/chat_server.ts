import {
  CloseError,
  type Conn,
  ProtocolError,
  ReadLimitError,
  serve,
  type ServeOptions,
  type Server,
  type ShutdownOptions,
  WriteLimitError,
} from "../../mod.ts";
import { Hub } from "../../src/pubsub/mod.ts";
import { Journal } from "./journal.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { servePage } from "./page_files.ts";
import { COMMAND_BYTES } from "./protocol.ts";
import { connectRedis } from "./redis.ts";
import { Rooms } from "./rooms.ts";
import { talk } from "./talk.ts";

/** Options of {@linkcode serveChat}. */
export interface ChatOptions
  extends Pick<ServeOptions, "port" | "hostname" | "onListen" | "onError"> {
  /** The file that keeps what is said over a restart; default: none does. */
  readonly history?: string | undefined;
  /** The Redis that joins several processes, which have one history there. */
  readonly redis?: string | undefined;
  readonly limits?: Partial<Limits>;
}

/** A chat that runs. */
export interface Chat extends Pick<Server, "addr" | "conns">, AsyncDisposable {
  /** Ends all connections, then what they stand on. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** Serves the chat at `/chat`, and its page beside it. */
export async function serveChat(options: ChatOptions): Promise<Chat> {
  const { history, redis, limits: some, ...where } = options;
  const limits = { ...LIMITS, ...some };
  const file = history === undefined ? undefined : new Journal(history);
  const past = file?.read() ?? [];
  const shared = redis === undefined
    ? undefined
    : await connectRedis(redis, limits.history);
  const hub = new Hub({
    ...shared && { broker: shared.broker },
    onGap: ({ topic }) => rooms.mend(topic).catch(report),
    onError: report,
  });
  const rooms = new Rooms({
    hub,
    limits,
    journal: shared?.journal,
    async writeDown(room, message) {
      file?.append({ room, message });
      await shared?.journal.append(room, message);
    },
  });
  for (const { room, message } of past) {
    rooms.room(room).history.add(message);
  }
  let conns = 0;

  async function onConn(conn: Conn): Promise<void> {
    conns++;
    try {
      await talk(conn, rooms, limits);
    } finally {
      conns--;
    }
  }

  async function end(): Promise<void> {
    rooms.close();
    await hub.close();
    shared?.close();
  }

  const server = await serve(onConn, {
    onError: report,
    ...where,
    path: "/chat",
    fetch: servePage(),
    upgrader: {
      // Behind the default check of the origin: no other site's page gets here.
      authorize() {
        if (conns >= limits.connections) return tooManyConnections();
      },
      // A page that is gone without a word is missed after half a minute.
      keepAlive: { interval: 20_000, timeout: 10_000 },
      readLimit: COMMAND_BYTES,
      readBufferSize: COMMAND_BYTES,
      writeLimit: limits.unsent,
      enableCompression: true,
    },
  }).catch(async (error) => {
    await end(); // or the process would go on
    throw error;
  });
  async function shutdown(options?: ShutdownOptions): Promise<void> {
    await server.shutdown(options);
    await end();
  }
  return {
    addr: server.addr,
    conns: server.conns,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}

/** The ends that a page can bring about are a line, all others a bug of ours. */
function report(error: unknown, conn?: Conn): void {
  const expected = error instanceof CloseError ||
    error instanceof ProtocolError || error instanceof ReadLimitError ||
    error instanceof WriteLimitError || error instanceof DOMException;
  if (conn === undefined || !expected) return console.error(error);
  const { remoteAddr } = conn;
  const from = remoteAddr?.transport === "tcp" ? remoteAddr.hostname : "a page";
  console.error(`Lost ${from}: ${error.message}`);
}

function tooManyConnections(): Response {
  return new Response("Too many connections\n", {
    status: 503,
    headers: { "Retry-After": "30" },
  });
}
