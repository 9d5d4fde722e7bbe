/**
 * A page and its WebSocket on one session of HTTP/2. Browsers speak it over TLS
 * only, so a certificate is needed; this one is for trying it out:
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
 *       -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
 *       -keyout key.pem -out cert.pem
 *     deno run --allow-net --allow-read --no-prompt examples/http2.ts \
 *       --cert cert.pem --key key.pem [--port 8443]
 *     bun run examples/http2.ts --cert cert.pem --key key.pem [--port 8443]
 *
 * Then open https://localhost:8443/ and accept the certificate. What speaks no
 * HTTP/2, such as `client.ts`, is served over HTTP/1.1 on the same port.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import http2 from "node:http2";

import { Upgrader } from "../mod.ts";
import { beforeExit, expect, port, run, text } from "./shared/command_line.ts";
import { listen } from "./shared/listen.ts";

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>HTTP/2</title>
<h1>One session</h1>
<p>The page came over <b id="page"></b>. Its WebSocket says: <b id="said"></b>
<p>The server prints the session of each.
<script>
  const [entry] = performance.getEntriesByType("navigation");
  page.textContent = entry.nextHopProtocol;
  const ws = new WebSocket("wss://" + location.host + "/echo");
  ws.onopen = () => ws.send("hello");
  ws.onmessage = ({ data }) => said.textContent = data;
  ws.onclose = ({ code }) => said.textContent = "closed with " + code;
</script>
`;

const upgrader = new Upgrader({ readLimit: 1024 * 1024 });
/** The sessions of HTTP/2, by their numbers. */
const sessions = new WeakMap<http2.Http2Session, number>();

/**
 * Reads a certificate and its key.
 *
 * @throws {Error} If there is none, or the two are not a pair
 */
function credentials(
  certFile: string,
  keyFile: string,
): { cert: string; key: string } {
  const cert = readFileSync(certFile, "utf8");
  const key = readFileSync(keyFile, "utf8");
  let file = certFile;
  let isPair: boolean;
  // Deno would listen with anything.
  try {
    const certificate = new X509Certificate(cert);
    file = keyFile;
    isPair = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error(`Cannot use ${file}: it is not in PEM`, { cause });
  }
  if (isPair) return { cert, key };
  throw new Error(
    `Cannot use ${keyFile}: it is the key of another certificate`,
  );
}

await run("http2.ts", {
  port: port(8443),
  hostname: text("NAME", "127.0.0.1"),
  cert: text("FILE", undefined),
  key: text("FILE", undefined),
}, async ({ port, hostname, cert, key }, operands) => {
  expect(cert !== undefined && key !== undefined && operands.length === 0);
  const server = http2.createSecureServer({
    ...credentials(cert, key),
    allowHTTP1: true,
    settings: {
      enableConnectProtocol: true,
      // As many WebSockets as a browser opens; all others count among them.
      maxConcurrentStreams: 256,
      // Large messages wait for the client's leave less often.
      initialWindowSize: 256 * 1024,
    },
  }, (request, response) => {
    const { pathname } = new URL(request.url, "https://localhost");
    if (pathname !== "/") {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(PAGE);
  });

  let count = 0;
  server.on("session", (session) => sessions.set(session, ++count));
  server.on("stream", ({ session }, headers) => {
    const number = session === undefined ? "?" : sessions.get(session);
    console.log(`Session ${number}: ${headers[":method"]} ${headers[":path"]}`);
  });

  const listener = upgrader.listener(async (conn) => {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  }, { path: "/echo" });
  server.on("upgrade", listener); // HTTP/1.1
  server.on("connect", listener); // HTTP/2

  const at = await listen(server, port, hostname);
  console.log(`Listening on https://localhost:${at}`);
  beforeExit(() => {
    server.close();
    return upgrader.shutdown();
  });
});
