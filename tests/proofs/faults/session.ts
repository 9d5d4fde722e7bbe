/**
 * A session with one of everything, in lockstep: each end waits for the other
 * at each step, and no fragment is cut by time, so that every run has the same
 * bytes but for the masks.
 */

import type { CloseInfo } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import type { ConnState } from "../../../src/conn/ending.ts";
import { MessageType } from "../../../src/message.ts";

/** What the client sends, and the server sends back. */
export const MESSAGES: readonly (string | Uint8Array)[] = [
  "Grüße",
  new Uint8Array(130).map((_, i) => i),
  "in three equal fragments",
  "compressible ".repeat(100),
];

/** The code and reason of the closing handshake. */
export const BYE = { code: 1000, reason: "bye" } as const;

const FRAGMENTED = 2;
/**
 * The ends' `writeBufferSize`. A writer gathers what is less, and sends it in
 * the next turn: whether its close still finds it there depends on the load.
 */
export const FRAGMENT = 8;
const PINGED = 3;

/** What an end of a session has seen. */
export interface Seen {
  readonly conn: Conn;
  readonly received: (string | Uint8Array)[];
  /** What ended it, if not the closing handshake. */
  error: unknown;
  /** Whether it began the closing handshake while the connection was open. */
  closing: boolean;
  /** What `closed` has said, each time that it said something. */
  readonly infos: CloseInfo[];
  /** What calls behind the end came to. */
  after: {
    readonly read: unknown;
    readonly write: unknown;
    readonly ping: unknown;
    readonly close: unknown;
    readonly state: ConnState;
  } | undefined;
}

export function observe(conn: Conn): Seen {
  const seen: Seen = {
    conn,
    received: [],
    error: undefined,
    closing: false,
    infos: [],
    after: undefined,
  };
  conn.closed.then((info) => seen.infos.push(info));
  return seen;
}

/** The client's part; it closes at the end, or reads until the server does. */
export async function runClient(seen: Seen, closes: boolean): Promise<void> {
  const { conn, received } = seen;
  for (const [i, message] of MESSAGES.entries()) {
    await send(conn, i, message);
    received.push((await conn.readMessage()).data);
    if (i === FRAGMENTED && conn.capabilities.ping) await conn.ping("client");
  }
  if (closes) await close(seen);
  else for (;;) received.push((await conn.readMessage()).data);
}

/** The server's part. */
export async function runServer(seen: Seen, closes: boolean): Promise<void> {
  const { conn, received } = seen;
  for (let i = 0; !closes || i < MESSAGES.length; i++) {
    const { data } = await conn.readMessage();
    received.push(data);
    if (i === PINGED && conn.capabilities.ping) await conn.ping("server");
    await send(conn, i, data);
  }
  await close(seen);
}

async function send(
  conn: Conn,
  index: number,
  message: string | Uint8Array,
): Promise<void> {
  if (index !== FRAGMENTED || !conn.capabilities.streaming) {
    return conn.send(message);
  }
  const text = message as string;
  const writer = conn.nextWriter(MessageType.Text).getWriter();
  for (let at = 0; at < text.length; at += FRAGMENT) {
    await writer.write(text.slice(at, at + FRAGMENT));
  }
  await writer.close();
}

async function close(seen: Seen): Promise<void> {
  seen.closing = seen.conn.state === "open";
  await seen.conn.close(BYE.code, BYE.reason);
}

/** Reads to the last, waits for the end, and then tries everything once more. */
export async function finish(
  seen: Seen,
  script: Promise<void>,
): Promise<void> {
  const { conn, received } = seen;
  await script.catch(() => {});
  try {
    for (;;) received.push((await conn.readMessage()).data);
  } catch (error) {
    seen.error = error;
  }
  await conn.closed;
  const [read, write, ping] = [
    () => conn.readMessage(),
    () => conn.send("late"),
    () => conn.ping(),
  ].map((call) => outcome(call));
  seen.after = {
    read: await read,
    write: await write,
    ping: await ping,
    close: await conn.close(),
    state: conn.state,
  };
}

async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
}
