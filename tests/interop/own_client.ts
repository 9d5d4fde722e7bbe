/** The runtime's own WebSocket client, in front of our server. */

import { deferred, runtime } from "../helper.ts";
import { bytesOf, digest, SIZES, textOf } from "./payloads.ts";

/** What the client has seen. */
export interface Seen {
  /** Digests of what the echo has sent back. */
  readonly echoed: string[];
  /** Those of what the server has sent in fragments. */
  readonly pieced: string[];
  /** What the server tells of its ping and of ours. */
  readonly pings: string[];
  /** The client's `protocol`. */
  readonly protocol: string;
  /** The close events of connections that the client closes, code by code. */
  readonly own: string[];
  /** Those of connections that the server closes. */
  readonly remote: string[];
}

/** What a client may close with. */
export const OWN_ENDS: readonly [code: number, reason: string][] = [
  [1000, ""],
  [3000, "three"],
  [4999, "é"],
];

/** What the server is asked to close with. */
export const REMOTE_ENDS: readonly [code: number, reason: string][] = [
  [1000, ""],
  [1001, "going"],
  [1011, "é".repeat(61) + "!"],
  [4000, "why"],
];

/** Of Bun's client, beyond the platform's. */
interface Pinging {
  ping?(data: string): void;
}

class Client {
  readonly socket: WebSocket;
  readonly ended: Promise<string>;
  readonly #opened = deferred();
  readonly #messages: (string | Uint8Array)[] = [];
  #wake: () => void = () => {};

  constructor(url: string, protocols: string[] = []) {
    const ended = deferred<string>();
    this.ended = ended.promise;
    this.socket = new WebSocket(url, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.#opened.resolve();
    this.socket.onmessage = ({ data }) => {
      this.#messages.push(
        typeof data === "string" ? data : new Uint8Array(data),
      );
      this.#wake();
    };
    this.socket.onclose = ({ code, reason, wasClean }) => {
      ended.resolve(`${code} ${reason} ${wasClean ? "clean" : "not clean"}`);
    };
  }

  async open(): Promise<this> {
    await this.#opened.promise;
    return this;
  }

  async next(): Promise<string | Uint8Array> {
    while (this.#messages.length === 0) {
      const { promise, resolve } = deferred();
      this.#wake = resolve;
      await promise;
    }
    return this.#messages.shift()!;
  }

  async close(code = 1000, reason = ""): Promise<string> {
    this.socket.close(code, reason);
    return await this.ended;
  }
}

/** Does everything, and tells what it has seen. */
export async function exercise(port: number): Promise<Seen> {
  const url = `ws://127.0.0.1:${port}`;
  const client = await new Client(url, ["c", "b", "a"]).open();
  const { protocol } = client.socket;
  const echoed: string[] = [];
  for (const size of SIZES) {
    client.socket.send(textOf(size));
    client.socket.send(bytesOf(size));
    echoed.push(digest(await client.next()), digest(await client.next()));
  }
  await client.close();

  const fragments = await new Client(`${url}/fragments`).open();
  const pieced: string[] = [];
  for (const size of SIZES) {
    fragments.socket.send(textOf(size));
    fragments.socket.send(bytesOf(size));
    pieced.push(digest(await fragments.next()), digest(await fragments.next()));
  }
  await fragments.close();

  const pinged = await new Client(`${url}/pings`).open();
  const pings = [String(await pinged.next())];
  if (runtime === "bun") {
    (pinged.socket as Pinging).ping!("from the client");
    pings.push(String(await pinged.next()));
  }
  await pinged.close();

  const own: string[] = [];
  for (const [code, reason] of OWN_ENDS) {
    own.push(await (await new Client(url).open()).close(code, reason));
  }
  const remote: string[] = [];
  for (const [code, reason] of REMOTE_ENDS) {
    const query = new URLSearchParams({ code: String(code), reason });
    remote.push(await new Client(`${url}/close?${query}`).ended);
  }
  return { echoed, pieced, pings, protocol, own, remote };
}
