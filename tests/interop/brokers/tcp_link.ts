/** The way between a client and its server, which can be cut. */

import net from "node:net";
import type { AddressInfo } from "node:net";

import { deferred } from "../../support/helper.ts";

/** Passes connections on to a port of this machine. */
export class TcpLink implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets: Set<net.Socket> = new Set();

  private constructor(port: number) {
    this.#server = net.createServer((near) => {
      const far = net.connect({ port, host: "127.0.0.1", noDelay: true });
      near.setNoDelay(true);
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  /** Listens. */
  static async to(port: number): Promise<TcpLink> {
    const link = new TcpLink(port);
    const { promise, resolve } = deferred();
    link.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections; new ones are passed on. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = deferred();
    this.#server.close(() => resolve());
    this.cut();
    await promise;
  }

  #join(from: net.Socket, to: net.Socket): void {
    this.#sockets.add(from);
    from.on("data", (data) => {
      if (!to.write(data)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.on("error", () => {});
    from.on("end", () => to.end());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
