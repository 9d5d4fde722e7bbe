/**
 * The forms in which users of `ws` write, as its README has them, for
 * `./types_test.ts`, which checks them with the compilers of both runtimes. Never
 * run.
 */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import process from "node:process";
import type { Duplex } from "node:stream";
import type { ZlibOptions } from "node:zlib";

import WebSocket, {
  type AddressInfo,
  type CloseEvent,
  createWebSocketStream,
  type ErrorEvent,
  type Event,
  type MessageEvent,
  type RawData,
  type Server,
  type VerifyClientCallbackAsync,
  type VerifyClientCallbackSync,
  WebSocketServer,
} from "../../../src/ws/mod.ts";

/** What a type is exactly. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function holds<T extends true>(): T | undefined {
  return undefined;
}

export function sendText(): void {
  const ws = new WebSocket("ws://localhost/");
  ws.on("error", console.error);
  ws.on("open", function open() {
    this.send("something");
    this.ping();
  });
  ws.on("message", function message(data, isBinary) {
    holds<Same<typeof data, RawData>>();
    holds<Same<typeof isBinary, boolean>>();
    console.log("received: %s", data);
  });
  ws.once("close", (code, reason) => code.toFixed() + reason.toString());
  ws.on("unexpected-response", (_request, { statusCode }) => statusCode);
}

export function sendBytes(ws: WebSocket): void {
  const array = new Float32Array(5);
  ws.on("open", () => ws.send(array));
  ws.send(Date.now());
  ws.send([Buffer.from("a"), Buffer.from("b")]);
  ws.send("a", (error) => error?.message);
  ws.send(
    "a",
    { binary: true, compress: false, fin: true, mask: true },
    () => {},
  );
}

export function serveSimply(): void {
  const wss = new WebSocketServer({ port: 8080 });
  wss.on("connection", function connection(ws, request) {
    holds<Same<typeof ws, WebSocket>>();
    const { remoteAddress } = request.socket;
    const forwarded = request.headers["x-forwarded-for"];
    console.log(remoteAddress, String(forwarded).split(",")[0]?.trim());
    ws.on("error", console.error);
    ws.on("message", (data) => console.log("received: %s", data));
    this.clients.delete(ws);
  });
}

export function serveOn(): void {
  new WebSocketServer({ server: createServer() });
  new WebSocketServer({ server: createSecureServer({ cert: "", key: "" }) });
}

export function share(): void {
  const server = createServer();
  const wss = new WebSocketServer({ noServer: true });
  server.on("upgrade", function upgrade(request, socket, head) {
    const { pathname } = new URL(request.url!, "wss://base.url");
    if (pathname !== "/foo" || !wss.shouldHandle(request)) {
      return socket.destroy();
    }
    wss.handleUpgrade(request, socket, head, function done(ws) {
      wss.emit("connection", ws, request);
    });
  });
}

export function authenticated(
  authenticate: (
    request: IncomingMessage,
    next: (error: Error | undefined, client?: string) => void,
  ) => void,
): void {
  const server = createServer();
  const wss = new WebSocketServer({ noServer: true });
  wss.on("connection", function connection(ws, request, client) {
    holds<Same<typeof ws, WebSocket>>();
    ws.on(
      "message",
      (data) => console.log(request.url, `${data} of ${client}`),
    );
  });
  wss.on("connection", (ws, _request, client: string) => ws.send(client));
  server.on("upgrade", (request, socket: Duplex, head) => {
    authenticate(request, function next(error, client) {
      if (error || !client) return socket.destroy();
      wss.handleUpgrade(request, socket, head, (ws) => {
        wss.emit("connection", ws, request, client);
      });
    });
  });
}

export function broadcast(wss: WebSocketServer): void {
  wss.on("connection", (ws) => {
    ws.on("message", (data, isBinary) => {
      wss.clients.forEach(function each(client) {
        if (client !== ws && client.readyState === WebSocket.OPEN) {
          client.send(data, { binary: isBinary });
        }
      });
    });
  });
}

export function stream(ws: WebSocket): void {
  const duplex = createWebSocketStream(ws, { encoding: "utf8" });
  duplex.on("error", console.error);
  duplex.pipe(process.stdout);
  process.stdin.pipe(duplex);
}

class Watched extends WebSocket {
  isAlive = true;
  pingTimeout: ReturnType<typeof setTimeout> | undefined;
}

function beat(this: Watched): void {
  this.isAlive = true;
}

export function detectBroken(): void {
  const wss = new WebSocketServer({ port: 8080, WebSocket: Watched });
  wss.on("connection", (ws: Watched) => {
    ws.on("pong", beat);
  });
  const interval = setInterval(() => {
    wss.clients.forEach((ws) => {
      const watched = ws as Watched;
      if (!watched.isAlive) return watched.terminate();
      watched.isAlive = false;
      watched.ping();
    });
  }, 30_000);
  wss.on("close", () => clearInterval(interval));

  const client = new Watched("wss://localhost/");
  client.on("open", beat).on("ping", beat);
  client.on("close", function clear() {
    clearTimeout(this.pingTimeout);
  });
}

export function compress(zlib: ZlibOptions): void {
  new WebSocketServer({
    port: 8080,
    perMessageDeflate: {
      zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
      zlibInflateOptions: { chunkSize: 10 * 1024 },
      clientNoContextTakeover: true,
      serverNoContextTakeover: true,
      serverMaxWindowBits: 10,
      concurrencyLimit: 10,
      threshold: 1024,
    },
  });
  const perMessageDeflate = { zlibDeflateOptions: zlib };
  new WebSocket("ws://localhost/", [], { perMessageDeflate });
}

export function asInBrowsers(ws: WebSocket): void {
  ws.addEventListener("open", ({ target }) => target.send("hello"));
  ws.addEventListener("message", (event) => {
    holds<Same<typeof event.data, string | RawData>>();
  }, { once: true });
  ws.addEventListener("close", ({ code, reason, wasClean }) => {
    console.log(code.toFixed(), reason.length, wasClean);
  });
  ws.addEventListener("error", {
    handleEvent: ({ message }) => message.length,
  });
  ws.onmessage = function ({ data }) {
    this.send(data);
  };
}

class Room {
  readonly server: WebSocket.Server;
  readonly members: Map<WebSocket.WebSocket, WebSocket.AddressInfo> = new Map();

  constructor(options: WebSocket.ServerOptions) {
    this.server = new WebSocket.Server(options);
    const server: WebSocket.WebSocketServer = this.server;
    holds<Same<typeof server, Server>>();
  }

  onMessage(data: WebSocket.RawData, isBinary: boolean): void {
    holds<Same<WebSocket.RawData, RawData>>();
    if (isBinary) this.broadcast(data);
    else this.broadcast(data.toString());
  }

  broadcast(data: WebSocket.Data): void {
    for (const client of this.server.clients) client.send(data);
  }
}

export function namesOfTypes(options: WebSocket.ClientOptions): void {
  const deflate: WebSocket.PerMessageDeflateOptions = { threshold: 1 };
  const ca: WebSocket.CertMeta = [Buffer.from("")];
  const ws: WebSocket = new WebSocket("wss://localhost/", {
    ...options,
    ca,
    perMessageDeflate: deflate,
  });
  const once: WebSocket.EventListenerOptions = { once: true };
  ws.addEventListener("message", (event: MessageEvent) => event.data, once);
  ws.addEventListener("open", ({ target }: Event) => target.send(""));
  ws.onclose = ({ code }: CloseEvent) => code.toFixed();
  ws.onerror = ({ message }: ErrorEvent) => message.length;
  ws.onmessage = ({ data }: WebSocket.MessageEvent) => String(data);
  holds<Same<WebSocket.Event, Event>>();
  holds<Same<WebSocket.CloseEvent, CloseEvent>>();
  holds<Same<WebSocket.ErrorEvent, ErrorEvent>>();
  holds<Same<WebSocket.WebSocketEventMap["message"], MessageEvent>>();

  const room = new Room({ noServer: true });
  ws.on("message", (data, isBinary) => room.onMessage(data, isBinary));
  const { port }: AddressInfo = room.server.address() as AddressInfo;
  port.toFixed();
}

export function verify(): void {
  const sync: VerifyClientCallbackSync = ({ origin }) => origin === "";
  const later: VerifyClientCallbackAsync = async ({ req }, callback) => {
    await Promise.resolve();
    callback(req.url === "/", 401, "No", { "X-Why": 1 });
  };
  for (const verifyClient of [sync, later]) {
    new WebSocketServer({ noServer: true, verifyClient });
  }
  const named: WebSocket.VerifyClientCallbackSync = sync;
  const alsoNamed: WebSocket.VerifyClientCallbackAsync = later;
  console.log(named, alsoNamed);
  new WebSocketServer({
    noServer: true,
    verifyClient: ({ req }) => req.url === "/",
  });
  new WebSocketServer({
    noServer: true,
    verifyClient: async (info, callback) => {
      await Promise.resolve();
      callback(info.secure);
    },
  });
}

export async function others(ws: WebSocket): Promise<void> {
  ws.on("of my own", (anything, more) => anything + more);
  ws.emit("of my own", 1, 2);
  ws.on("message", (data: Buffer) => data.length);
  await once(ws, "open");
  new WebSocket("ws://localhost/", null);
}

export function misuse(ws: WebSocket, wss: WebSocketServer): void {
  // @ts-expect-error -- shows that the types are checked at all
  ws.send(Symbol());
  // @ts-expect-error -- as above
  ws.addEventListener("ping", () => {});
  // @ts-expect-error -- as above
  new WebSocketServer({ port: 0, verfyClient: () => false });
  // @ts-expect-error -- as above
  new WebSocket("ws://localhost/", { hedaers: {} });
  // @ts-expect-error -- as above
  wss.on("connection", (ws) => ws.sned("hello"));
}
