import {
  CloseError,
  type Conn,
  ProtocolError,
  ReadLimitError,
  serve,
  type ServeOptions,
  type Server,
  WriteLimitError,
} from "../../mod.ts";
import { Hub } from "./hub.ts";
import { Journal } from "./journal.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { servePage } from "./page_files.ts";
import { COMMAND_BYTES } from "./protocol.ts";
import { talk } from "./talk.ts";

/** Options of {@linkcode serveChat}. */
export interface ChatOptions
  extends Pick<ServeOptions, "port" | "hostname" | "onListen" | "onError"> {
  /** The file that keeps what is said over a restart; default: none does. */
  readonly history?: string | undefined;
  readonly limits?: Partial<Limits>;
}

/** Serves the chat at `/chat`, and its page beside it. */
export async function serveChat(options: ChatOptions): Promise<Server> {
  const { history, limits: some, ...where } = options;
  const limits = { ...LIMITS, ...some };
  const journal = history === undefined ? undefined : new Journal(history);
  const hub = new Hub(limits, journal);
  let conns = 0;

  async function onConn(conn: Conn): Promise<void> {
    conns++;
    try {
      await talk(conn, hub, limits);
    } finally {
      conns--;
    }
  }

  return await serve(onConn, {
    onError: report,
    ...where,
    path: "/chat",
    fetch: await servePage(),
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
  });
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
