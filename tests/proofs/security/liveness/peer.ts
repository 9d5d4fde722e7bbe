/** The other end, by hand: it counts what comes, and keeps nothing. */

import { connect, type Socket } from "node:net";

const FLOOD_CHUNK = 65_536;
const decoder = new TextDecoder("latin1");

/** A TCP connection of a client. */
export class Peer {
  /** The beginning of what came: an answer's head, at least. */
  text = "";
  /** Bytes that came. */
  received = 0;
  /** Whether the other end has ended its direction, or all is over. */
  ended = false;
  readonly #socket: Socket;
  #flooding = false;

  /** Connects. */
  constructor(port: number) {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const over = () => {
      this.ended = true;
    };
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.received += chunk.length;
      if (this.text.length < 1024) this.text += decoder.decode(chunk);
    });
    socket.on("end", over);
    socket.on("close", over);
    socket.on("error", over);
  }

  /** Sends bytes, or text of one byte a character. */
  send(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** Sends bytes, and leaves. */
  sendAndLeave(bytes: Uint8Array): void {
    this.#socket.write(bytes, () => this.#socket.destroy());
  }

  /** Sends a frame again and again, as fast as the other end takes it. */
  flood(frame: Uint8Array): void {
    const chunk = new Uint8Array(
      frame.length * Math.ceil(FLOOD_CHUNK / frame.length),
    );
    for (let i = 0; i < chunk.length; i += frame.length) chunk.set(frame, i);
    this.#flooding = true;
    const write = (error?: Error | null) => {
      if (error || !this.#flooding || this.ended) return;
      this.#socket.write(chunk, write);
    };
    write();
  }

  /** Reads no more. */
  stall(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Ends the sending direction (FIN). */
  end(): void {
    this.#socket.end();
  }

  /** Cuts the connection (RST). */
  reset(): void {
    this.#flooding = false;
    this.#socket.resetAndDestroy();
  }

  /** Closes the socket, as a process does that is killed. */
  leave(): void {
    this.#flooding = false;
    this.#socket.destroy();
  }
}
