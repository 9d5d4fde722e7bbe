/**
 * The real packages of others, over `./compat` and `./ws`: run by
 * `packages_test.ts` in the folder that has them, with the URL of `src/` as its
 * argument. Prints a line of JSON for each package.
 */
// deno-lint-ignore-file no-explicit-any -- packages that this checkout does not have

import { once } from "node:events";
import http from "node:http";
import process from "node:process";

const src = process.argv[2]!;
const { toWebSocket, WebSocket: W3C } = await import(`${src}compat/mod.ts`);
const { default: WS, WebSocketServer, createWebSocketStream } = await import(
  `${src}ws/mod.ts`
);
const { serve } = await import(`${src}server/serve.ts`);

/** Loads a package of the folder; no checker knows it. */
async function load(name: string): Promise<any> {
  const module = await import(name);
  return module;
}

/** A server of `./ws` on a free port. */
async function listen(options: object = {}): Promise<[any, string]> {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(wss, "listening");
  return [wss, `ws://127.0.0.1:${wss.address().port}/`];
}

async function end(wss: any): Promise<void> {
  const over = once(wss, "close");
  wss.close();
  for (const client of wss.clients) client.terminate();
  await over;
}

/** Cuts all connections, once there is one. */
async function cut(wss: any): Promise<void> {
  await until(() => wss.clients.size > 0);
  await Promise.all([...wss.clients].map((client: any) => {
    const over = once(client, "close");
    client.terminate();
    return over;
  }));
}

/** Waits for what comes of others' timers. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function equal(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

function event(target: any, name: string): Promise<any> {
  return new Promise((resolve) => {
    target.addEventListener(name, resolve, { once: true });
  });
}

/** A round trip, a reconnect and a close of each. */
const PACKAGES: Record<string, () => Promise<void>> = {
  async "graphql-ws"() {
    const { GraphQLObjectType, GraphQLSchema, GraphQLString } = await load(
      "graphql",
    );
    const { useServer } = await load("graphql-ws/use/ws");
    const { createClient } = await load("graphql-ws");
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({
        name: "Query",
        fields: { hello: { type: GraphQLString, resolve: () => "world" } },
      }),
    });
    const [wss, url] = await listen({ path: "/graphql" });
    const codes: number[] = [];
    const disposed = useServer({
      schema,
      onClose: (_: unknown, code: number) => void codes.push(code),
    }, wss);
    const client = createClient({
      url: `${url}graphql`,
      webSocketImpl: W3C,
      lazy: false,
      shouldRetry: () => true,
      retryWait: () => Promise.resolve(),
      onNonLazyError: () => {},
    });
    const ask = async () => {
      const results: unknown[] = [];
      for await (const result of client.iterate({ query: "{ hello }" })) {
        results.push(result);
      }
      return results;
    };
    equal(await ask(), [{ data: { hello: "world" } }]);
    await cut(wss);
    equal(await ask(), [{ data: { hello: "world" } }]);
    await client.dispose();
    await until(() => codes.length >= 2);
    equal(codes.at(-1), 1000);
    await disposed.dispose();
    await until(() => wss.clients.size === 0);
  },

  async trpc() {
    const { initTRPC } = await load("@trpc/server");
    const { applyWSSHandler } = await load("@trpc/server/adapters/ws");
    const { createTRPCClient, createWSClient, wsLink } = await load(
      "@trpc/client",
    );
    const t = initTRPC.create();
    let count = 0;
    const router = t.router({
      hello: t.procedure.query(() => `hello ${++count}`),
    });
    const [wss, url] = await listen();
    applyWSSHandler({ wss, router, createContext: () => ({}) });
    let opens = 0;
    const ws = createWSClient({
      url,
      WebSocket: W3C,
      retryDelayMs: () => 1,
      onOpen: () => void opens++,
    });
    const client = createTRPCClient({ links: [wsLink({ client: ws })] });
    equal(await client.hello.query(), "hello 1");
    await cut(wss);
    await until(() => opens === 2);
    equal(await client.hello.query(), "hello 2");
    await ws.close();
    await until(() => wss.clients.size === 0);
    await end(wss);
  },

  async "y-websocket"() {
    const Y = await load("yjs");
    const { WebsocketProvider } = await load("y-websocket");
    const [wss, url] = await listen();
    wss.on("connection", (ws: any) => {
      ws.on("message", (data: unknown) => {
        for (const client of wss.clients) {
          if (client !== ws && client.readyState === WS.OPEN) client.send(data);
        }
      });
    });
    const make = () => {
      const doc = new Y.Doc();
      const provider = new WebsocketProvider(url.slice(0, -1), "room", doc, {
        WebSocketPolyfill: W3C,
        disableBc: true,
        resyncInterval: 50,
        maxBackoffTime: 50,
      });
      return { doc, provider, text: doc.getText("t") };
    };
    const [a, b] = [make(), make()];
    a.text.insert(0, "Hello");
    await until(() => b.text.toString() === "Hello");
    await until(() => wss.clients.size === 2);
    for (const client of wss.clients) client.terminate();
    b.text.insert(5, " again");
    await until(() => a.text.toString() === "Hello again");
    for (const { provider, doc } of [a, b]) {
      provider.destroy();
      doc.destroy();
    }
    await until(() => wss.clients.size === 0);
    await end(wss);
  },

  async partysocket() {
    const { WebSocket } = await load("partysocket");
    await comesBack(WebSocket);
  },

  async "reconnecting-websocket"() {
    const module = await load("reconnecting-websocket");
    await comesBack(module.default.default ?? module.default);
  },

  async capnweb() {
    const { newWebSocketRpcSession, RpcTarget } = await load("capnweb");
    class Api extends RpcTarget {
      hello(name: string): string {
        return `Hello, ${name}`;
      }
    }
    const ends: number[] = [];
    const server = await serve(async (conn: any) => {
      newWebSocketRpcSession(toWebSocket(conn), new Api());
      ends.push((await conn.closed).code);
    }, { port: 0, hostname: "127.0.0.1" });
    // It has no reconnect of its own: the application dials anew.
    for (let visit = 1; visit <= 2; visit++) {
      const socket = new W3C(`ws://127.0.0.1:${server.addr.port}/`);
      const over = event(socket, "close");
      const api = newWebSocketRpcSession(socket);
      equal(await api.hello("World"), "Hello, World");
      api[Symbol.dispose]();
      await over;
      await until(() => ends.length === visit);
    }
    await server.shutdown();
  },

  async "socket.io"() {
    const { Server } = await load("socket.io");
    const { io } = await load("socket.io-client");
    const server = http.createServer();
    const sockets = new Server(server, {
      wsEngine: WebSocketServer,
      transports: ["websocket"],
      perMessageDeflate: true,
    });
    sockets.on("connection", (socket: any) => {
      socket.on(
        "double",
        (value: number, answer: (value: number) => void) => answer(2 * value),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const client = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"],
      reconnectionDelay: 1,
    });
    const double = (value: number) => client.emitWithAck("double", value);
    equal(await double(21), 42);
    const again = new Promise((resolve) =>
      client.io.once("reconnect", resolve)
    );
    client.io.engine.close();
    await again;
    equal(await double(4), 8);
    client.close();
    await until(() => sockets.engine.clientsCount === 0);
    await sockets.close();
  },

  async mqtt() {
    const mqtt = await load("mqtt");
    const { connect } = mqtt.default?.connect ? mqtt.default : mqtt;
    const { default: packets } = await load("mqtt-packet");
    const [wss, url] = await listen();
    // As much of a broker as one client needs.
    wss.on("connection", (ws: any) => {
      const stream = createWebSocketStream(ws);
      stream.on("error", () => {});
      const parser = packets.parser();
      const send = (packet: unknown) => stream.write(packets.generate(packet));
      parser.on("packet", (packet: any) => {
        const { cmd, messageId } = packet;
        if (cmd === "connect") send({ cmd: "connack", returnCode: 0 });
        if (cmd === "subscribe") {
          send({ cmd: "suback", messageId, granted: [0] });
        }
        if (cmd === "publish") send({ ...packet, qos: 0 });
        if (cmd === "disconnect") stream.end();
      });
      stream.on("data", (data: unknown) => parser.parse(data));
    });
    const client = connect(url, {
      reconnectPeriod: 5,
      createWebsocket: (url: string, protocols: string[]) =>
        new WS(url, protocols),
    });
    client.on("error", () => {});
    await new Promise((resolve) => client.once("connect", resolve));
    await client.subscribeAsync("greetings");
    const heard = () =>
      new Promise<string>((resolve) =>
        client.once("message", (_: string, data: unknown) => resolve(`${data}`))
      );
    let message = heard();
    await client.publishAsync("greetings", "Hello");
    equal(await message, "Hello");
    const again = new Promise((resolve) => client.once("connect", resolve));
    await cut(wss);
    await again;
    message = heard();
    await client.publishAsync("greetings", "again");
    equal(await message, "again");
    await client.endAsync();
    await until(() => wss.clients.size === 0);
    await end(wss);
  },

  async "http-proxy"() {
    const { default: httpProxy } = await load("http-proxy");
    const [wss, url] = await listen();
    wss.on("connection", (ws: any) => {
      ws.on("message", (data: unknown) => ws.send(`${data}`));
    });
    const proxy = httpProxy.createProxyServer({
      target: url.replace("ws:", "http:"),
      ws: true,
    });
    proxy.on("error", () => {});
    const server = http.createServer();
    server.on("upgrade", (request, socket, head) => {
      proxy.ws(request, socket, head);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    for (let visit = 1; visit <= 2; visit++) {
      const ws = new WS(`ws://127.0.0.1:${port}/`);
      await once(ws, "open");
      ws.send("Hello");
      equal(String((await once(ws, "message"))[0]), "Hello");
      const over = once(ws, "close");
      if (visit === 1) await cut(wss); // and it dials anew
      else ws.close(4000, "bye");
      const [code] = await over;
      equal(code, visit === 1 ? 1006 : 4000);
    }
    proxy.close();
    server.close();
    await end(wss);
  },
};

/** A class that reconnects, of whose kind there are several. */
async function comesBack(type: any): Promise<void> {
  const [wss, url] = await listen();
  const codes: number[] = [];
  wss.on("connection", (ws: any) => {
    ws.on("message", (data: unknown) => ws.send(`${data}`));
    ws.on("close", (code: number) => codes.push(code));
  });
  const socket = new type(url, [], {
    WebSocket: W3C,
    minReconnectionDelay: 1,
    maxReconnectionDelay: 5,
  });
  const echo = async (text: string) => {
    const message = event(socket, "message");
    socket.send(text);
    equal((await message).data, text);
  };
  await event(socket, "open");
  await echo("Hello");
  const again = event(socket, "open");
  await cut(wss);
  await again;
  await echo("again");
  socket.close(1000, "bye");
  await until(() => codes.length === 2);
  equal(codes, [1006, 1000]);
  await end(wss);
}

for (const name of process.argv.slice(3)) {
  let fault: string | undefined;
  const late = setTimeout(() => {
    console.log(JSON.stringify({ name, fault: "It took too long" }));
    process.exit(1);
  }, 20_000);
  try {
    await PACKAGES[name]!();
  } catch (error) {
    fault = String((error as Error)?.stack ?? error);
  }
  clearTimeout(late);
  console.log(JSON.stringify({ name, fault }));
}
process.exit(0);
