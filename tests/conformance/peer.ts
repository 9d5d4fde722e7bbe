/** The suite's end of a TCP connection: the opening handshake, bytes, the end. */

import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";

import { withTimeout } from "../helper.ts";
import { ascii } from "../handshake/bytes.ts";
import { concat } from "../deflate/samples.ts";
import type { Inbox, Side } from "./inbox.ts";

const OPENING = 10_000;
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
// RFC 6455, section 1.3.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A TCP connection to a target. */
export class Peer {
  /** What the suite plays; the target is the other. */
  readonly side: Side;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #early: Uint8Array[] = [];
  #wake: () => void = () => {};
  #inbox: Inbox | undefined;
  #ended: "FIN" | "RST" | undefined;

  constructor(socket: Socket, side: Side) {
    this.#socket = socket;
    this.side = side;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      if (this.#inbox !== undefined) return this.#inbox.push(chunk);
      this.#early.push(chunk);
      this.#wake();
    });
    socket.on("end", () => this.#end("FIN"));
    socket.on("error", () => this.#end("RST"));
    socket.on("close", () => closed.resolve());
  }

  /** Opens a connection to a server; the extensions that it has chosen. */
  static async dial(
    port: number,
    offer?: string,
  ): Promise<{ peer: Peer; extensions: string | undefined }> {
    // The target ends TCP first: this side must not do so by itself.
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const peer = new Peer(socket, "client");
    await peer.write(ascii([
      "GET / HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${KEY}`,
      "Sec-WebSocket-Version: 13",
      ...offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`],
      "\r\n",
    ].join("\r\n")));
    const head = await peer.#head();
    if (
      !head.startsWith("HTTP/1.1 101 ") ||
      headerOf(head, "Sec-WebSocket-Accept") !== acceptOf(KEY)
    ) throw new Error(`The target has not upgraded: ${head}`);
    return { peer, extensions: headerOf(head, "Sec-WebSocket-Extensions") };
  }

  /** Opens a connection of a client; `choose` answers its offer. */
  static async accept(
    socket: Socket,
    choose: (path: string, offer: string | undefined) => string | undefined,
  ): Promise<Peer> {
    const peer = new Peer(socket, "server");
    const head = await peer.#head();
    const [, path = ""] = head.split(" ", 2);
    const extensions = choose(path, headerOf(head, "Sec-WebSocket-Extensions"));
    await peer.write(ascii([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${
        acceptOf(headerOf(head, "Sec-WebSocket-Key") ?? "")
      }`,
      ...extensions === undefined
        ? []
        : [`Sec-WebSocket-Extensions: ${extensions}`],
      "\r\n",
    ].join("\r\n")));
    return peer;
  }

  /** Gives to the inbox all that comes behind the opening handshake. */
  deliver(inbox: Inbox): void {
    this.#inbox = inbox;
    for (const chunk of this.#early.splice(0)) inbox.push(chunk);
    if (this.#ended !== undefined) inbox.end(this.#ended);
  }

  /** Sends bytes; resolves when the system has them, or there is no one. */
  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.write(bytes, () => resolve());
    await Promise.race([promise, this.closed]);
  }

  /** Ends this side's direction (FIN). */
  end(): void {
    this.#socket.end();
  }

  /** Ends all, if it is not over. */
  async destroy(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  /** A head that ends with what has come; what is behind it stays. */
  async #head(): Promise<string> {
    const complete = Promise.withResolvers<void>();
    let head = "";
    this.#wake = () => {
      const bytes = concat(this.#early);
      const text = String.fromCharCode(...bytes.subarray(0, 16_384));
      const end = text.indexOf("\r\n\r\n") + 4;
      if (end >= 4) {
        head = text.slice(0, end);
        this.#early = end < bytes.length ? [bytes.subarray(end)] : [];
        complete.resolve();
      } else if (this.#ended !== undefined) {
        complete.reject(new Error("The target has ended before a head"));
      }
    };
    this.#wake();
    await withTimeout(complete.promise, OPENING, "the head");
    this.#wake = () => {};
    return head;
  }

  #end(how: "FIN" | "RST"): void {
    this.#ended ??= how;
    this.#wake();
    this.#inbox?.end(how);
  }
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \t]*(.*?)[ \t]*\r$`, "im").exec(head)?.[1];
}

// Section 4.2.2.
function acceptOf(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}
