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
  ["http2-deno", {
    label: "listener() on Deno",
    runtime: "deno",
    command: ["http2.ts"],
  }],
  ["http2-bun", {
    label: "listener() on Bun",
    runtime: "bun",
    command: ["http2.ts"],
  }],
  ["ws-deno", {
    label: "ws on Deno",
    runtime: "deno",
    command: ["ws.ts"],
  }],
  ["ws-bun", {
    label: "ws on Bun",
    runtime: "bun",
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
  readonly kind:
    | "echo"
    | "paced"
    | "connect"
    | "broadcast"
    | "stream"
    | "idle";
  readonly path?: string;
  readonly conns: number;
  readonly depth?: number;
  readonly size?: number;
  readonly type?: "text" | "binary";
  /** Messages a second of a paced load; each round has its own. */
  readonly rate?: number;
  readonly compressed?: boolean;
  readonly tls?: boolean;
  /** Whether the connections are streams of one session of HTTP/2. */
  readonly http2?: boolean;
}

/** The name of one of the {@linkcode LOADS}. */
export type LoadName =
  | "binary"
  | "text"
  | "single"
  | "paced"
  | "large"
  | "large-text"
  | "deflate"
  | "deflate-large"
  | "loop"
  | "prepared"
  | "topic"
  | "topic-loop"
  | "burst"
  | "burst-loop"
  | "tls"
  | "tls-large"
  | "connect"
  | "tls-connect"
  | "http2"
  | "http2-large"
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
  "paced": {
    ...echo(32, 1, 64, "binary"),
    label: "32 × 64 B binary, paced",
    kind: "paced",
  },
  "large": echo(8, 1, 65_536, "binary"),
  "large-text": echo(8, 1, 65_536, "text"),
  "deflate": deflated(1024),
  "deflate-large": deflated(65_536),
  "loop": broadcast("loop of writeMessage", "/broadcast"),
  "prepared": broadcast("PreparedMessage", "/prepared"),
  "topic": topic("hub", "/hub", 1),
  "topic-loop": topic("loop of send", "/send", 1),
  "burst": topic("hub", "/hub", 10),
  "burst-loop": topic("loop of send", "/send", 10),
  "tls": overTLS(echo(32, 16, 64, "binary")),
  "tls-large": overTLS(echo(8, 1, 65_536, "binary")),
  "connect": CONNECT,
  "tls-connect": overTLS(CONNECT),
  "http2": overHttp2(echo(32, 16, 64, "binary")),
  "http2-large": overHttp2(echo(8, 1, 65_536, "binary")),
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

function overHttp2(load: Load): Load {
  return { ...overTLS(load), label: `${load.label}, HTTP/2`, http2: true };
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

function topic(how: string, path: string, depth: number): Load {
  const times = depth === 1 ? "" : `, ${depth} at a time`;
  return {
    label: `1 KiB to 10,000${times}, ${how}`,
    kind: "broadcast",
    path: `${path}?${depth}`,
    conns: 10_000,
    depth,
    size: 1024,
  };
}

/** One load on one server. */
export interface Cell {
  readonly load: LoadName;
  readonly server: ServerName;
}

/** A percentile of the times, as the load generator tells it. */
export type Percentile = "p50" | "p99" | "p999";

/** A line of the table. */
export interface Comparison {
  readonly subject: Cell;
  /** What the subject is divided by; without it, its bytes are told. */
  readonly against?: Cell;
  /** What counts: messages a second, a percentile of the times, the CPU time. */
  readonly figure?: "rate" | "cpu" | Percentile;
  /** What must hold: the least ratio of rates or of CPU time, else the most. */
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
  latency("single", "wire-bun", "bare-bun", 2, 1.2),
  latency("single", "native-deno", "bare-deno", 2),
  latency("single", "native-bun", "bare-bun", 2),
  ...(["deno", "bun"] as const).flatMap((runtime) =>
    (["wire", "native"] as const).flatMap((engine) =>
      (["bare", "ws"] as const).flatMap((other) =>
        (["p50", "p99", "p999"] as const).map((figure): Comparison => ({
          ...ratio("paced", `${engine}-${runtime}`, `${other}-${runtime}`),
          figure,
        }))
      )
    )
  ),
  ...(["large", "large-text"] as const).flatMap((load) => [
    ratio(load, "wire-deno", "bare-deno", 0.5, 0.9),
    ratio(load, "wire-bun", "bare-bun", 0.5, 0.9),
    ratio(load, "native-deno", "bare-deno", 0.9, 1),
    ratio(load, "native-bun", "bare-bun"),
  ]),
  ratio("deflate", "wire-deno", "ws-deno", 1.3, 2),
  ratio("deflate", "wire-bun", "ws-deno", 1.3, 2),
  ratio("deflate-large", "wire-deno", "ws-deno", 1, 1.5),
  ratio("deflate-large", "wire-bun", "ws-deno", 1, 1.5),
  ...(["wire-deno", "wire-bun"] as const).map((server): Comparison => ({
    subject: { load: "prepared", server },
    against: { load: "loop", server },
    figure: "cpu",
    floor: 3,
    goal: 3.3,
  })),
  // Bun's counterpart is its own `publish`.
  ...(["topic", "burst"] as const).flatMap((load): Comparison[] => [
    ratio(load, "wire-bun", "bare-bun", 0.65, 0.65),
    ratio(load, "native-bun", "bare-bun", 0.85, 0.85),
    ...(["wire-deno", "wire-bun"] as const).map((server): Comparison => ({
      subject: { load, server },
      against: { load: `${load}-loop`, server },
    })),
  ]),
  cpu("connect", "wire-deno", "bare-deno", 0.45),
  cpu("connect", "wire-bun", "bare-bun", 0.65),
  ratio("connect", "native-deno", "bare-deno"),
  ratio("connect", "native-bun", "bare-bun"),
  ...(["deno", "bun"] as const).flatMap((runtime) => [
    ratio("connect", `wire-${runtime}`, `ws-${runtime}`),
    ratio("connect", `native-${runtime}`, `ws-${runtime}`),
  ]),
  ...(["tls", "tls-large", "tls-connect"] as const).flatMap(
    (load) => [
      ratio(load, "wire-deno", "bare-deno"),
      ratio(load, "wire-bun", "bare-bun"),
    ],
  ),
  ...(["http2-deno", "http2-bun"] as const).flatMap((server) => [
    versions("tls", "http2", server),
    versions("tls-large", "http2-large", server),
  ]),
  bytes("idle", "wire-deno", 12, 9),
  bytes("idle", "wire-bun", 12, 9),
  bytes("idle", "native-deno"),
  bytes("idle", "native-bun"),
  bytes("idle", "bare-deno"),
  bytes("idle", "bare-bun"),
  bytes("idle", "ws-deno"),
  bytes("idle", "ws-bun"),
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

/** A load over HTTP/2, against the same over HTTP/1.1. */
function versions(
  http1: LoadName,
  http2: LoadName,
  server: ServerName,
): Comparison {
  return {
    subject: { load: http2, server },
    against: { load: http1, server },
  };
}

/** The tail of the times, at most so many times that of the counterpart. */
function latency(
  load: LoadName,
  subject: ServerName,
  against: ServerName,
  most: number,
  goal: number = most,
): Comparison {
  return { ...ratio(load, subject, against, most, goal), figure: "p99" };
}

/** The CPU time, by which the counterpart's is divided. */
function cpu(
  load: LoadName,
  subject: ServerName,
  against: ServerName,
  least: number,
): Comparison {
  return { ...ratio(load, subject, against, least, least), figure: "cpu" };
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

/**
 * The cells that the comparisons need, those of one load side by side; what is
 * paced needs to know what the server can do.
 */
export function cellsOf(comparisons: readonly Comparison[]): Cell[] {
  const cells = new Map<string, Cell>();
  for (const { subject, against } of comparisons) {
    for (const cell of against === undefined ? [subject] : [against, subject]) {
      cells.set(keyOf(cell), cell);
      if (cell.load !== "paced") continue;
      const capacity: Cell = { load: "single", server: cell.server };
      cells.set(keyOf(capacity), capacity);
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
