/**
 * The server of a soak, a process of its own: it checks what comes and sends it
 * back. The path says how: `/echo` message by message, `/stream` piece by piece.
 * On the text `close`, of an echo, it closes by itself. Each line on its standard input is
 * answered with what it has seen, after garbage has been collected if it is
 * `collect`.
 */

import {
  type Conn,
  isCloseError,
  isUnexpectedCloseError,
  serve,
} from "../../../mod.ts";
import { announce } from "../../support/process/control.ts";
import { collectGarbage } from "../../support/process/garbage.ts";
import { PATIENCE, verify } from "./payload.ts";

/** What the server has seen. */
export interface ServerState {
  /** Connections that are open now. */
  readonly conns: number;
  /** What must not be, in words; the first of them. */
  readonly faults: readonly string[];
}

const MAX_FAULTS = 20;
const faults: string[] = [];

function fault(conn: string, what: unknown): void {
  if (faults.length < MAX_FAULTS) faults.push(`server, ${conn}: ${what}`);
}

async function echo(conn: Conn, id: number): Promise<void> {
  let expected = 0;
  for await (const { data } of conn) {
    if (data === "close") return void await conn.close(4000, "asked to");
    const number = verify(id, data);
    if (number !== expected) {
      fault(`${id}`, `message ${number} came in place of ${expected}`);
    }
    expected = number + 1;
    await conn.send(data);
  }
}

async function stream(conn: Conn): Promise<void> {
  for (;;) {
    const { type, readable } = await conn.nextReader();
    await readable.pipeTo(conn.nextWriter(type));
  }
}

const server = await serve(async (conn, request) => {
  const { pathname, searchParams } = new URL(request.url);
  const id = searchParams.get("conn") ?? "";
  try {
    await (pathname === "/stream" ? stream(conn) : echo(conn, Number(id)));
  } catch (error) {
    // Clients go without a word, too: a write may be told of it before the state
    // is.
    const lost = conn.state === "open" && !isCloseError(error);
    if (lost || isUnexpectedCloseError(error, 1006, 1000)) {
      fault(id, error);
    }
  }
}, {
  port: 0,
  hostname: "127.0.0.1",
  upgrader: {
    enableCompression: true,
    handshakeTimeout: PATIENCE,
    closeTimeout: PATIENCE,
    keepAlive: { interval: 30_000, timeout: PATIENCE },
  },
  onError: (error) => fault("onError", error),
});
if (server.addr.transport !== "tcp") throw new Error("Not on a port");

announce(server.addr.port, async (question) => {
  if (question === "collect") await collectGarbage();
  const state: ServerState = { conns: server.conns.size, faults };
  return JSON.stringify(state);
});
