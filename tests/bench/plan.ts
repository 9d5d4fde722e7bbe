/** What is measured, and what it is compared with. */

/** A server that the bench starts. */
export interface Server {
  readonly label: string;
  readonly runtime: "deno" | "bun";
  /** The file in `servers/`, and its arguments. */
  readonly command: readonly string[];
}

/** A server that runs already, or one of those that are started. */
export type ServerName = string;

/** The servers that the bench starts. */
export const SERVERS: ReadonlyMap<ServerName, Server> = new Map<
  ServerName,
  Server
>([
  ["wire-deno", ours("wire", "deno")],
  ["wire-bun", ours("wire", "bun")],
  ["native-deno", ours("native", "deno")],
  ["native-bun", ours("native", "bun")],
  ["bare-deno", {
    label: "bare callback on Deno",
    runtime: "deno",
    command: ["bare_deno.ts"],
  }],
  ["bare-bun", {
    label: "bare callback on Bun",
    runtime: "bun",
    command: ["bare_bun.ts"],
  }],
  ["ws-deno", {
    label: "ws on Deno",
    runtime: "deno",
    command: ["ws.ts"],
  }],
]);

function ours(engine: "wire" | "native", runtime: "deno" | "bun"): Server {
  const label = `${engine} on ${runtime === "deno" ? "Deno" : "Bun"}`;
  return { label, runtime, command: ["conn.ts", engine] };
}

/** What the load generator does; see `load.ts`. */
export interface Load {
  readonly label: string;
  readonly kind: "echo" | "connect" | "broadcast" | "stream" | "idle";
  readonly path?: string;
  readonly conns: number;
  readonly depth?: number;
  readonly size?: number;
  readonly type?: "text" | "binary";
  readonly compressed?: boolean;
  readonly tls?: boolean;
}

/** The name of one of the {@linkcode LOADS}. */
export type LoadName =
  | "binary"
  | "text"
  | "single"
  | "large"
  | "large-text"
  | "deflate"
  | "deflate-large"
  | "loop"
  | "prepared"
  | "tls"
  | "tls-large"
  | "connect"
  | "tls-connect"
  | "idle"
  | "stream";

const CONNECT: Load = {
  label: "connections made and closed, 32 at a time",
  kind: "connect",
  conns: 32,
};

/** The loads, in the order of the table. */
export const LOADS: Record<LoadName, Load> = {
  "binary": echo(32, 16, 64, "binary"),
  "text": echo(32, 16, 64, "text"),
  "single": echo(32, 1, 64, "binary"),
  "large": echo(8, 1, 65_536, "binary"),
  "large-text": echo(8, 1, 65_536, "text"),
  "deflate": deflated(1024),
  "deflate-large": deflated(65_536),
  "loop": broadcast("loop of writeMessage", "/broadcast"),
  "prepared": broadcast("PreparedMessage", "/prepared"),
  "tls": overTLS(echo(32, 16, 64, "binary")),
  "tls-large": overTLS(echo(8, 1, 65_536, "binary")),
  "connect": CONNECT,
  "tls-connect": overTLS(CONNECT),
  "idle": {
    label: "idle connection, KiB",
    kind: "idle",
    conns: 10_000,
    size: 64,
  },
  "stream": {
    label: "1 GiB message in pieces, MiB above baseline",
    kind: "stream",
    path: "/stream",
    conns: 1,
    size: 2 ** 30,
  },
};

/** So many connections, each with so many messages of a size in flight. */
export function echo(
  conns: number,
  depth: number,
  size: number,
  type: "text" | "binary",
): Load {
  const label = `${conns} × ${depth} × ${sizeLabel(size)} ${type}`;
  return { label, kind: "echo", conns, depth, size, type };
}

/** The size as people say it. */
export function sizeLabel(bytes: number): string {
  if (bytes < 2 ** 10) return `${bytes} B`;
  return bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`;
}

function overTLS(load: Load): Load {
  return { ...load, label: `${load.label}, TLS`, tls: true };
}

function deflated(size: number): Load {
  const label = `8 × 4 × ${
    size / 1024
  } KiB JSON, deflate without context takeover`;
  return { ...echo(8, 4, size, "text"), label, compressed: true };
}

function broadcast(how: string, path: string): Load {
  return {
    label: `4 KiB compressed JSON to 5,000, ${how}`,
    kind: "broadcast",
    path,
    conns: 5000,
    size: 4096,
    compressed: true,
  };
}

/** One load on one server. */
export interface Cell {
  readonly load: LoadName;
  readonly server: ServerName;
}

/** A line of the table. */
export interface Comparison {
  readonly subject: Cell;
  /** What the subject is divided by; without it, its bytes are told. */
  readonly against?: Cell;
  /** What is divided: messages a second, or the 99th percentile of the times. */
  readonly figure?: "rate" | "p99";
  /** What must hold: the least ratio of rates, else the most. */
  readonly floor?: number;
  readonly goal?: number;
}

/** The lines of the table. */
export const COMPARISONS: readonly Comparison[] = [
  ratio("binary", "wire-deno", "bare-deno", 4, 6),
  ratio("binary", "wire-deno", "ws-deno", 4, 6),
  ratio("binary", "wire-bun", "bare-bun", 0.55, 0.8),
  ratio("binary", "native-bun", "bare-bun", 0.5, 0.8),
  ratio("binary", "native-deno", "bare-deno", 0.9, 1),
  ratio("text", "native-deno", "bare-deno", 0.9, 1),
  ratio("text", "native-bun", "bare-bun"),
  ...(["wire-deno", "wire-bun"] as const).map((server): Comparison => ({
    subject: { load: "text", server },
    against: { load: "binary", server },
    floor: 0.6,
    goal: 0.9,
  })),
  ratio("single", "wire-deno", "bare-deno", 0.6, 0.9),
  ratio("single", "wire-bun", "bare-bun", 0.45, 0.7),
  ratio("single", "native-deno", "bare-deno", 0.9, 1),
  ratio("single", "native-bun", "bare-bun"),
  latency("single", "wire-deno", "bare-deno", 2),
  latency("single", "wire-bun", "bare-bun", 2),
  latency("single", "native-deno", "bare-deno", 2),
  latency("single", "native-bun", "bare-bun", 2),
  ...(["large", "large-text"] as const).flatMap((load) => [
    ratio(load, "wire-deno", "bare-deno", 0.5, 0.9),
    ratio(load, "wire-bun", "bare-bun", 0.5, 0.9),
    ratio(load, "native-deno", "bare-deno", 0.9, 1),
    ratio(load, "native-bun", "bare-bun"),
  ]),
  ratio("deflate", "wire-deno", "ws-deno", 1.3, 2),
  ratio("deflate", "wire-bun", "ws-deno"),
  ratio("deflate-large", "wire-deno", "ws-deno"),
  ratio("deflate-large", "wire-bun", "ws-deno"),
  ...(["wire-deno", "wire-bun"] as const).map((server): Comparison => ({
    subject: { load: "prepared", server },
    against: { load: "loop", server },
    floor: 3,
    goal: 10,
  })),
  ...(["tls", "tls-large", "connect", "tls-connect"] as const).flatMap(
    (load) => [
      ratio(load, "wire-deno", "bare-deno"),
      ratio(load, "wire-bun", "bare-bun"),
    ],
  ),
  bytes("idle", "wire-deno", 12, 9),
  bytes("idle", "wire-bun", 12, 9),
  bytes("idle", "native-deno"),
  bytes("idle", "native-bun"),
  bytes("idle", "bare-deno"),
  bytes("idle", "bare-bun"),
  bytes("stream", "wire-deno", 64, 16),
  bytes("stream", "wire-bun", 64, 16),
];

function ratio(
  load: LoadName,
  subject: ServerName,
  against: ServerName,
  floor?: number,
  goal?: number,
): Comparison {
  return {
    subject: { load, server: subject },
    against: { load, server: against },
    ...(floor === undefined || goal === undefined ? {} : { floor, goal }),
  };
}

/** The tail of the times, at most so many times that of the counterpart. */
function latency(
  load: LoadName,
  subject: ServerName,
  against: ServerName,
  most: number,
): Comparison {
  return { ...ratio(load, subject, against, most, most), figure: "p99" };
}

function bytes(
  load: LoadName,
  server: ServerName,
  floor?: number,
  goal?: number,
): Comparison {
  return {
    subject: { load, server },
    ...(floor === undefined || goal === undefined ? {} : { floor, goal }),
  };
}

/** The lines that compare ours with a server that runs already. */
export function comparePeer(peer: ServerName): Comparison[] {
  const loads: LoadName[] = new URL(peer).protocol === "wss:"
    ? ["tls", "tls-large"]
    : ["binary", "text", "single", "large", "large-text"];
  return loads.flatMap((load) => [
    ratio(load, "wire-deno", peer),
    ratio(load, "wire-bun", peer),
  ]);
}

/** The cells that the comparisons need, those of one load side by side. */
export function cellsOf(comparisons: readonly Comparison[]): Cell[] {
  const cells = new Map<string, Cell>();
  for (const { subject, against } of comparisons) {
    for (const cell of against === undefined ? [subject] : [against, subject]) {
      cells.set(keyOf(cell), cell);
    }
  }
  const order = Object.keys(LOADS);
  return [...cells.values()].sort((a, b) =>
    order.indexOf(a.load) - order.indexOf(b.load)
  );
}

/** What names a cell. */
export function keyOf(cell: Cell): string {
  return `${cell.load} ${cell.server}`;
}
