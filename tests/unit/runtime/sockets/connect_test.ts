import type tls from "node:tls";

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Dialer, type DialOptions } from "../../../../src/client/dialer.ts";
import { DialError } from "../../../../src/errors.ts";
import type { RawPeer } from "../../../../src/testing/raw_peer.ts";
import type { TLSOptions } from "../../../../src/runtime/sockets/tls_options.ts";
import {
  type Certificate,
  makeAuthority,
} from "../../../support/certificates.ts";
import { accepting, withServer } from "../../../support/dial_server.ts";
import { test } from "../../../support/helper.ts";
import { connect } from "../../../support/sockets.ts";

const authority = makeAuthority("Authority");
const stranger = makeAuthority("Stranger");
const forAddress = authority.issue("127.0.0.1");
const forName = authority.issue("a.example", "*.b.example");

interface Case {
  readonly server?: tls.TlsOptions & Certificate;
  readonly client?: TLSOptions;
  /** The host of the URL; the connection goes to 127.0.0.1. */
  readonly host?: string;
  readonly options?: DialOptions;
}

/** What the server has seen of a client that it has accepted. */
interface Seen {
  readonly head: string;
  readonly sni: string | undefined;
  readonly alpn: string | undefined;
}

async function dialTLS(test: Case): Promise<Seen> {
  const { server = forAddress, client = {}, host = "127.0.0.1" } = test;
  let seen: Seen | undefined;
  await withServer(async (peer, socket) => {
    const { servername, alpnProtocol } = socket as tls.TLSSocket & {
      servername?: string | false | null;
    };
    const head = await peer.readHead();
    seen = {
      head,
      sni: servername || undefined,
      alpn: alpnProtocol || undefined,
    };
    peer.send(await accepting(head));
    await peer.expectFrame({ opcode: 1, payload: "Hello" });
    peer.sendFrame({ opcode: 1, payload: "Hi" });
    await peer.expectClose(1000);
    await peer.sendFrame({ opcode: 8 });
    peer.end();
    await peer.ended;
  }, async (url) => {
    const port = Number(new URL(url).port);
    const dialer = new Dialer({
      tls: { ca: authority.cert, ...client },
      ...(host === "127.0.0.1" ? {} : { netDial: () => connect(port) }),
    });
    const { conn } = await dialer.dial(`wss://${host}:${port}/`, test.options);
    assertEquals(conn.remoteAddr, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port,
    });
    conn.send("Hello");
    assertEquals((await conn.readMessage()).data, "Hi");
    const { wasClean } = await conn.close();
    assertEquals(wasClean, true);
  }, { tls: server });
  assert(seen !== undefined);
  return seen!;
}

/** The error of a dial that fails in TLS; the server accepts nobody. */
async function failTLS(test: Case): Promise<DialError> {
  const { server = forAddress, client = {}, host = "127.0.0.1" } = test;
  let error: unknown;
  await withServer(async (peer) => {
    // Some servers have shaken hands before the client has refused.
    await peer.ended;
    assertEquals(peer.buffered, 0);
  }, async (url) => {
    const port = Number(new URL(url).port);
    const dialer = new Dialer({
      tls: { ca: authority.cert, ...client },
      ...(host === "127.0.0.1" ? {} : { netDial: () => connect(port) }),
    });
    error = await dialer.dial(`wss://${host}:${port}/`, test.options)
      .then(({ conn }) => conn.terminate(), (error) => error);
  }, { tls: server, count: 0 });
  assertInstanceOf(error, DialError);
  assertEquals((error as DialError).phase, "tls");
  return error as DialError;
}

test("connectTLS() trusts the given authority; no name is sent of an address", async () => {
  const { sni, alpn } = await dialTLS({
    server: { ...forAddress, ALPNProtocols: ["h2", "http/1.1"] },
  });
  assertEquals(sni, undefined);
  assertEquals(alpn, "http/1.1");
});

test("connectTLS() speaks with servers that know no ALPN", async () => {
  assertEquals((await dialTLS({})).alpn, undefined);
});

test("connectTLS() sends and verifies the dialed host, whatever Host says", async () => {
  for (const host of ["a.example", "www.b.example"]) {
    const { sni, head } = await dialTLS({
      server: forName,
      host,
      options: { headers: { Host: "c.example" } },
    });
    assertEquals(sni, host);
    assertEquals(/\r\nHost: c\.example\r\n/.test(head), true);
  }
  const error = await failTLS({
    server: forName,
    host: "c.example",
    options: { headers: { Host: "a.example" } },
  });
  assertEquals(
    (error.cause as { code?: string }).code,
    "ERR_TLS_CERT_ALTNAME_INVALID",
  );
});

test("connectTLS() says that the server ended it, and with which code", async () => {
  const ends: ((peer: RawPeer) => void)[] = [
    (peer) => peer.end(),
    (peer) => peer.destroy(),
  ];
  for (const reads of [0, 1]) {
    for (const end of ends) {
      let error: unknown;
      await withServer(async (peer) => {
        await peer.readBytes(reads);
        end(peer);
        await peer.closed;
      }, async (url) => {
        const { port } = new URL(url);
        error = await new Dialer().dial(`wss://127.0.0.1:${port}/`)
          .catch((error) => error);
      });
      assertInstanceOf(error, DialError);
      const { message, phase, address, cause } = error;
      assertEquals(phase, "tls");
      assertEquals(message, `Cannot speak TLS with ${address}: ECONNRESET`);
      assertInstanceOf(cause, Error);
      assertEquals((cause as { code?: string }).code, "ECONNRESET");
    }
  }
});

test("connectTLS() verifies the servername in place of the host", async () => {
  const { sni } = await dialTLS({
    server: forName,
    client: { servername: "a.example" },
  });
  assertEquals(sni, "a.example");
  await failTLS({ client: { servername: "a.example" } });
});

test("connectTLS() leaves the dot at a host's end out of its name", async () => {
  const { sni, head } = await dialTLS({ server: forName, host: "a.example." });
  assertEquals(sni, "a.example");
  // As browsers have it.
  assertEquals(/\r\nHost: a\.example\.:\d+\r\n/.test(head), true, head);
  assertEquals(
    (await dialTLS({ server: forName, client: { servername: "a.example." } }))
      .sni,
    "a.example",
  );
  await failTLS({ server: forName, host: "c.example." });
});

test("connectTLS() refuses a certificate for another address", async () => {
  await failTLS({ server: authority.issue("127.0.0.2") });
  await failTLS({ server: forName });
});

test("connectTLS() refuses an authority that is not trusted", async () => {
  const error = await failTLS({ server: stranger.issue("127.0.0.1") });
  assertEquals(
    error.message.startsWith("Cannot speak TLS with 127.0.0.1:"),
    true,
  );
  assertInstanceOf(error.cause, Error);
  await failTLS({ client: { ca: stranger.cert } });
});

test("connectTLS() takes several authorities, as text and as bytes", async () => {
  const ca = [stranger.cert, new TextEncoder().encode(authority.cert)];
  await dialTLS({ client: { ca } });
  await dialTLS({ client: { ca: stranger.cert + authority.cert } });
});

test("connectTLS() takes any certificate if it is told so", async () => {
  await dialTLS({
    server: stranger.issue("c.example"),
    client: { rejectUnauthorized: false },
  });
});

test("connectTLS() shows the client's certificate", async () => {
  const clientAuthority = makeAuthority("Clients");
  const { cert, key } = clientAuthority.issue("client");
  const server = {
    ...forAddress,
    ca: clientAuthority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  };
  await dialTLS({ server, client: { cert, key } });
});

test("connectTLS() offers http/1.1 alone", async () => {
  await failTLS({ server: { ...forAddress, ALPNProtocols: ["h2"] } });
});

test("connectTLS() fails at a server that speaks no TLS", async () => {
  await withServer(async (peer) => {
    await peer.readBytes(5);
    await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    await peer.ended;
  }, async (url) => {
    const error = await new Dialer().dial(url.replace("ws:", "wss:"))
      .catch((error) => error);
    assertInstanceOf(error, DialError);
    assertEquals(error.phase, "tls");
  });
});

for (const how of ["end", "reset"] as const) {
  test(`connectTLS() fails by the server's ${how}`, async () => {
    await withServer(async (peer) => {
      await peer.readBytes(5);
      peer[how]();
      await peer.ended;
    }, async (url) => {
      const error = await new Dialer().dial(url.replace("ws:", "wss:"))
        .catch((error) => error);
      assertInstanceOf(error, DialError);
      assertEquals(error.phase, "tls");
    });
  });
}
