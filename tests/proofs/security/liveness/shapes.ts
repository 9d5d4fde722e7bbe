/**
 * What handlers do with a connection: every way to write and to read, each in a
 * loop that only the connection's end ends. A line makes a shape.
 */

import {
  type Capability,
  type Conn,
  MessageType,
  PreparedMessage,
} from "../../../../mod.ts";

/** A handler, and what it needs. */
export interface Shape {
  readonly name: string;
  readonly run: (conn: Conn) => Promise<unknown>;
  /** Whether it writes before anything has come. */
  readonly writes?: boolean;
  /** Whether the client offers compression. */
  readonly compressed?: boolean;
  /** Whether it swallows errors, so that no end ends it but {@linkcode giveUp}. */
  readonly stubborn?: boolean;
  /** What the engine must be able to do. */
  readonly needs?: readonly Capability[];
}

type Extra = Pick<Shape, "needs" | "compressed">;
type Step = (conn: Conn) => unknown;

const PING = { needs: ["ping"] } as const;
const HANDLERS = { needs: ["controlHandlers"] } as const;
const COMPRESSED = { needs: ["compression"], compressed: true } as const;

const KIB_64 = noise(65_536);
const MIB = noise(2 ** 20);
const LINES = "A line as there are many.\n".repeat(400);
const prepared = new PreparedMessage(MessageType.Text, "x");
const preparedLines = new PreparedMessage(MessageType.Text, LINES);

/** All of them. Names are paths of the server's URL. */
export const SHAPES: readonly Shape[] = [
  // Writing, awaited.
  writes("send text", (conn) => conn.send("x")),
  writes("send bytes", (conn) => conn.send(new Uint8Array([1]))),
  writes("send nothing", (conn) => conn.send("")),
  writes("send 64 KiB", (conn) => conn.send(KIB_64)),
  writes("send 1 MiB", (conn) => conn.send(MIB)),
  writes("writeMessage", (conn) => conn.writeMessage(1, "x")),
  writes("writeJSON", (conn) => conn.writeJSON({ i: 1 })),
  writes("writePreparedMessage", (conn) => conn.writePreparedMessage(prepared)),
  writes("nextWriter, one chunk", (conn) => written(conn, ["x"])),
  writes("nextWriter, chunks", (conn) => written(conn, ["x", "y", "", LINES])),
  writes("nextWriter, 1 MiB", (conn) => written(conn, [MIB])),
  writes("nextWriter, not awaited", (conn) => {
    const writer = conn.nextWriter(1).getWriter();
    ignored(writer.write("x"));
    return writer.close();
  }),
  writes("send, a signal", (conn) => conn.send("x", { signal: SIGNAL })),
  writes("send, a deadline", (conn) => {
    conn.setWriteDeadline(new Date(Date.now() + 60_000));
    return conn.send("x");
  }),
  writes("send, two at once", (conn) =>
    Promise.all([
      conn.send("x"),
      conn.send("y"),
    ])),
  handler("writable", async (conn) => {
    const writer = conn.writable.getWriter();
    for (;;) await writer.write("x");
  }),
  handler("writable, 64 KiB", async (conn) => {
    const writer = conn.writable.getWriter();
    for (;;) await writer.write(KIB_64);
  }),
  handler("writable, ready", async (conn) => {
    const writer = conn.writable.getWriter();
    for (;; await writer.ready) ignored(writer.write("x"));
  }),
  handler("pipe to writable", (conn) => endless("x").pipeTo(conn.writable)),
  handler(
    "pipe 64 KiB to writable",
    (conn) => endless(KIB_64).pipeTo(conn.writable),
  ),
  handler("pipe an iterator", async (conn) => {
    await ReadableStream.from(texts()).pipeTo(conn.writable);
  }),
  handler(
    "pipe to nextWriter",
    (conn) => endless("x").pipeTo(conn.nextWriter(1)),
    // Where it is no, the message is buffered whole.
    { needs: ["streaming"] },
  ),
  writes("writeControl pong", (conn) => conn.writeControl(10, "p"), PING),
  writes("writeControl ping", (conn) => conn.writeControl(9, "p"), PING),
  writes("ping", (conn) => conn.ping("p"), PING),

  // Writing, not awaited, but for something else.
  writes("two sends, one awaited", (conn) => {
    conn.send("x");
    return conn.send("y");
  }),
  writes("many sends, one awaited", (conn) => {
    for (let i = 0; i < 100; i++) conn.send("x");
    return conn.send("y");
  }),
  writes("send, then an awaited pong", (conn) => {
    conn.send("x");
    return conn.writeControl(10, "p");
  }, PING),
  writes("a pong, then an awaited send", (conn) => {
    conn.writeControl(10, "p");
    return conn.send("x");
  }, PING),
  whileOpen("send, then a timer", (conn) => {
    conn.send("x");
    return new Promise((resolve) => setTimeout(resolve, 0));
  }),
  whileOpen("1 MiB, then a timer", (conn) => {
    conn.send(MIB);
    return new Promise((resolve) => setTimeout(resolve, 0));
  }),
  whileOpen("send, its error caught", (conn) => conn.send("x").catch(() => {})),

  // Writing, compressed.
  writes("compressed: send text", (conn) => conn.send("x"), COMPRESSED),
  writes("compressed: send lines", (conn) => conn.send(LINES), COMPRESSED),
  writes("compressed: send 64 KiB", (conn) => conn.send(KIB_64), COMPRESSED),
  writes("compressed: send 1 MiB", (conn) => conn.send(MIB), COMPRESSED),
  writes(
    "compressed: writeJSON",
    (conn) => conn.writeJSON({ LINES }),
    COMPRESSED,
  ),
  writes(
    "compressed: writePreparedMessage",
    (conn) => conn.writePreparedMessage(preparedLines),
    COMPRESSED,
  ),
  writes(
    "compressed: nextWriter, chunks",
    (conn) => written(conn, ["x", LINES, LINES]),
    COMPRESSED,
  ),
  handler(
    "compressed: pipe to writable",
    (conn) => endless(LINES).pipeTo(conn.writable),
    COMPRESSED,
  ),
  writes("compressed: two sends, one awaited", (conn) => {
    conn.send(LINES);
    return conn.send(LINES);
  }, COMPRESSED),

  // Reading.
  reads("for await", async (conn) => {
    for await (const _ of conn);
  }),
  reads("for await, left each time", async (conn) => {
    while (conn.state === "open") for await (const _ of conn) break;
  }),
  loops("readMessage", (conn) => conn.readMessage()),
  loops("readMessage, a signal", (conn) =>
    conn.readMessage({
      signal: SIGNAL,
    })),
  loops("readJSON", (conn) => conn.readJSON()),
  loops("nextReader, unread", (conn) => conn.nextReader()),
  loops("nextReader, text", async (conn) => {
    const reader = await conn.nextReader();
    await reader.text();
  }),
  loops("nextReader, readable", async (conn) => {
    const { readable } = await conn.nextReader();
    for await (const _ of readable);
  }),
  reads("readable", async (conn) => {
    for await (const _ of conn.readable);
  }),
  reads("pipe readable", (conn) => conn.readable.pipeTo(new WritableStream())),
  reads("closed", (conn) => conn.closed),
  reads("compressed: for await", async (conn) => {
    for await (const _ of conn);
  }, COMPRESSED),
  loops("compressed: nextReader, text", async (conn) => {
    const reader = await conn.nextReader();
    await reader.text();
  }, COMPRESSED),

  // Both.
  reads("echo: for await", echo),
  reads("echo: for await, not awaited", async (conn) => {
    for await (const { data } of conn) conn.send(data);
  }),
  loops("echo: readMessage", async (conn) => {
    const { type, data } = await conn.readMessage();
    await conn.writeMessage(type, data);
  }),
  loops(
    "echo: readJSON",
    async (conn) => await conn.writeJSON(await conn.readJSON()),
  ),
  loops("echo: nextReader and nextWriter", async (conn) => {
    const { type, readable } = await conn.nextReader();
    await readable.pipeTo(conn.nextWriter(type));
  }),
  reads("echo: pipe", (conn) => conn.readable.pipeTo(conn.writable)),
  reads("echo: 1 MiB for each", async (conn) => {
    for await (const _ of conn) await conn.send(MIB);
  }),
  reads("compressed: echo", echo, COMPRESSED),
  reads(
    "compressed: echo: pipe",
    (conn) => conn.readable.pipeTo(conn.writable),
    COMPRESSED,
  ),
  handler("for await beside send", (conn) =>
    Promise.all([
      conn.readable.pipeTo(new WritableStream()),
      forever(() => conn.send("x")),
    ])),

  // Handlers of control messages.
  reads("ping handler that sends", async (conn) => {
    conn.setPingHandler(() => conn.send("x"));
    for await (const _ of conn);
  }, HANDLERS),
  reads("ping handler that pings", async (conn) => {
    conn.setPingHandler((data) => conn.writeControl(9, data));
    for await (const _ of conn);
  }, HANDLERS),
  reads("pong handler that pings", async (conn) => {
    conn.setPongHandler((data) => conn.writeControl(9, data));
    conn.writeControl(9, "p");
    for await (const _ of conn);
  }, HANDLERS),
  reads("close handler that sends", async (conn) => {
    conn.setCloseHandler(() => conn.send("x"));
    for await (const _ of conn);
  }),
  reads("close handler that sends on", async (conn) => {
    conn.setCloseHandler(() => forever(() => conn.send("x")));
    for await (const _ of conn);
  }),

  // Whatever comes, they go on.
  insists("send", (conn) => conn.send("x")),
  insists("send 1 MiB", (conn) => conn.send(MIB)),
  insists("writeMessage", (conn) => conn.writeMessage(2, "x")),
  insists("writeJSON", (conn) => conn.writeJSON({ i: 1 })),
  insists(
    "writePreparedMessage",
    (conn) => conn.writePreparedMessage(prepared),
  ),
  insists("nextWriter", (conn) => written(conn, ["x"])),
  insists("nextWriter, closed", (conn) => conn.nextWriter(1).close()),
  insists("pipe to nextWriter", (conn) =>
    ReadableStream.from(["x"]).pipeTo(
      conn.nextWriter(1),
    )),
  insists("writeControl pong", (conn) => conn.writeControl(10), PING),
  insists("ping", (conn) => conn.ping("p"), PING),
  insists("close", (conn) => conn.close()),
  insists("writeControl close", (conn) => conn.writeControl(8)),
  insists("readMessage", (conn) => conn.readMessage()),
  insists("readJSON", (conn) => conn.readJSON()),
  insists("nextReader", (conn) => conn.nextReader()),
  insists("nextReader, text", async (conn) => {
    const reader = await conn.nextReader();
    await reader.text();
  }),
  insists("for await", async (conn) => {
    for await (const _ of conn);
  }),
  insists("for await, left", async (conn) => {
    for await (const _ of conn) break;
  }),
  insists("next", (conn) => conn[Symbol.asyncIterator]().next()),
  insists("echo", async (conn) => {
    const { data } = await conn.readMessage();
    await conn.send(data);
  }),
  insists("a signal of before", (conn) =>
    conn.send("x", {
      signal: AbortSignal.abort(),
    })),
  insists("a read, a signal of before", (conn) =>
    conn.readMessage({
      signal: AbortSignal.abort(),
    })),
  insists("a write deadline of before", (conn) => {
    conn.setWriteDeadline(new Date(0));
    return conn.send("x");
  }),
  insists("a read deadline of before", (conn) => {
    conn.setReadDeadline(new Date(0));
    return conn.readMessage();
  }),
  insists("a second read", (conn) => {
    ignored(conn.readMessage());
    return conn.readMessage();
  }),
  insists("readable", async (conn) => {
    for await (const _ of conn.readable);
  }),
  insists("bytes", async (conn) => {
    for await (const _ of conn.bytes);
  }),
  insists("pipe readable", (conn) =>
    conn.readable.pipeTo(
      new WritableStream(),
    )),
  insists("pipe bytes", (conn) => conn.bytes.pipeTo(new WritableStream())),
  insists("pipe to writable", (conn) =>
    ReadableStream.from(["x"]).pipeTo(
      conn.writable,
    )),
  insists("readable canceled", (conn) => conn.readable.cancel()),
  insists("writable closed", (conn) => conn.writable.close()),
  insists("writable aborted", (conn) => conn.writable.abort()),
  insists(
    "nextWriter of a ping, closed",
    (conn) => conn.nextWriter(9).close(),
    PING,
  ),
  insists("compressed: send", (conn) => conn.send(LINES), COMPRESSED),
  {
    name: "stubborn: for await without try",
    stubborn: true,
    run: async (conn) => {
      const begun = era;
      while (begun === era) for await (const _ of conn);
    },
  },
];

let era = 0;

/** Ends the handlers that swallow errors. */
export function giveUp(): void {
  era++;
}

/** A signal that aborts nothing: one connection's is as good as another's. */
const { signal: SIGNAL } = new AbortController();

/** A handler that writes by itself. */
function handler(name: string, run: Shape["run"], extra: Extra = {}): Shape {
  return { name, run, writes: true, ...extra };
}

/** Writes without end. */
function writes(name: string, step: Step, extra?: Extra): Shape {
  return handler(name, (conn) => forever(() => step(conn)), extra);
}

/** Writes, unawaited, until it sees the end. */
function whileOpen(name: string, step: Step, extra?: Extra): Shape {
  return handler(name, async (conn) => {
    while (conn.state === "open") await step(conn);
  }, extra);
}

/** A handler that reads, and may answer. */
function reads(name: string, run: Shape["run"], extra: Extra = {}): Shape {
  return { name, run, ...extra };
}

/** Reads without end. */
function loops(name: string, step: Step, extra?: Extra): Shape {
  return reads(name, (conn) => forever(() => step(conn)), extra);
}

/** Swallows every error. */
function insists(name: string, step: Step, extra: Extra = {}): Shape {
  const run = async (conn: Conn) => {
    const begun = era;
    while (begun === era) {
      try {
        await step(conn);
      } catch {
        // It goes on.
      }
    }
  };
  return { name: `stubborn: ${name}`, run, stubborn: true, ...extra };
}

async function forever(step: () => unknown): Promise<never> {
  for (;;) await step();
}

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

async function written(
  conn: Conn,
  chunks: readonly (string | Uint8Array)[],
): Promise<void> {
  const writer = conn.nextWriter(1).getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}

function endless<T>(chunk: T): ReadableStream<T> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(chunk),
  });
}

async function* texts(): AsyncGenerator<string> {
  for (;;) yield "x";
}

/** The platform's own promises, unlike ours, must be handled. */
function ignored(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

/** Text that compression makes little of. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = 1;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = 32 + (x >>> 16) % 90;
  }
  return bytes;
}
