/** Dials for the tests of proxies and streams. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { Dialer, type DialerOptions } from "../../src/client/dialer.ts";
import { DialError } from "../../src/errors.ts";
import { accepting, type Serve } from "./dial_server.ts";

/** Dials, says Hello, and hears what an {@linkcode echoing} server answers. */
export async function talk(
  url: string,
  options: DialerOptions,
  headers: Record<string, string> = {},
): Promise<void> {
  const { conn } = await new Dialer(options).dial(url, { headers });
  await conn.send("Hello");
  assertEquals((await conn.readMessage()).data, "Hello");
  conn.terminate();
  await conn.closed;
}

export async function failure(
  url: string,
  options: DialerOptions,
): Promise<DialError> {
  const error = await new Dialer(options).dial(url).catch((error) => error);
  assertInstanceOf(error, DialError);
  return error as DialError;
}

/** Accepts the handshake and answers one message; notes the head. */
export function echoing(heads: string[] = []): Serve {
  return async (peer) => {
    const head = await peer.readHead();
    heads.push(head);
    await peer.send(await accepting(head));
    const { payload } = await peer.readFrame();
    await peer.sendFrame({ opcode: 1, payload });
    await peer.ended;
  };
}

/** The URL of a server of `withServer`, as that of a proxy. */
export function proxyURL(url: string, scheme: string, user = ""): string {
  return `${scheme}://${user}${new URL(url).host}`;
}

/** The server as a name that only a proxy can find. */
export function named(url: string): string {
  return url.replace("127.0.0.1", "inner.example");
}
