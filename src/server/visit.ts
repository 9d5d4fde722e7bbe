import type { Conn } from "../conn/conn.ts";
import { opened } from "../conn/ownership.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { Addr } from "../transport/transport.ts";
import type { AddressLimit } from "./address_limit.ts";
import type { TrustedProxies } from "./client_addr.ts";
import type { UpgradeInfo } from "./upgrader_options.ts";

/** What an Upgrader asks about the addresses of those who come. */
export interface AddressRules {
  /** Whom it believes about them. */
  readonly proxies: TrustedProxies | undefined;
  /** How many connections each may have. */
  readonly limit: AddressLimit | undefined;
}

/** What comes of an upgrade. */
interface Outcome {
  readonly conn?: Conn | undefined;
  readonly request?: Request;
}

/** One who comes: an upgrade request, and the connection that it becomes. */
export class Visit {
  readonly #rules: AddressRules;
  #leave: (() => void) | undefined;
  #callbacks: Promise<unknown> | undefined; // which may outlive the upgrade
  /** What the callbacks are told. */
  info: UpgradeInfo;

  /**
   * Begins a visit, which takes no place yet.
   *
   * @param rules The Upgrader's
   * @param remoteAddr The peer's address, if it is known
   */
  constructor(rules: AddressRules, remoteAddr: Addr | undefined) {
    this.#rules = rules;
    this.info = { remoteAddr, clientAddr: remoteAddr };
  }

  /**
   * Finds out who it is, and takes a place among the connections of the
   * address, before any callback is asked, which may take long to answer.
   *
   * @param request The upgrade request
   * @returns The refusal, if there is no place left
   */
  readonly admit = (request: Request): Refusal | undefined => {
    const { proxies, limit } = this.#rules;
    const { remoteAddr } = this.info;
    const clientAddr = proxies === undefined
      ? remoteAddr
      : proxies.clientAddr(request.headers, remoteAddr);
    this.info = { remoteAddr, clientAddr };
    if (limit === undefined) return undefined;
    this.#leave = limit.take(clientAddr);
    if (this.#leave !== undefined) return undefined;
    const name = clientAddr?.transport === "tcp" ? clientAddr.hostname : "";
    return {
      status: 429,
      reason:
        `Cannot upgrade request: ${name} has as many connections as maxConnsPerAddress allows`,
    };
  };

  /**
   * Keeps the place while callbacks run: what outlives its upgrade costs as much
   * as one that is under way, and whoever has been refused may come again.
   *
   * @param handshake The callbacks' outcome, which never rejects
   */
  keep(handshake: Promise<unknown>): void {
    this.#callbacks = handshake;
  }

  /** The visit is over: there is no connection. */
  leave(): void {
    if (this.#callbacks === undefined) this.#leave?.();
    else this.#callbacks.then(() => this.#leave?.());
  }

  /**
   * Ends the visit with the upgrade, or with the connection that comes of it.
   *
   * @param upgrading The upgrade
   * @param request Its request, unless the upgrade has it
   * @returns The same
   */
  async until<T extends Outcome | undefined>(
    upgrading: Promise<T>,
    request?: Request,
  ): Promise<T> {
    let conn: Conn | undefined;
    try {
      const upgraded = await upgrading;
      conn = upgraded?.conn;
      const asked = request ?? upgraded?.request;
      if (conn !== undefined && asked !== undefined) {
        const { clientAddr } = this.info;
        opened(conn, { clientAddr, request: asked, leave: this.#leave });
      }
      return upgraded;
    } finally {
      if (conn === undefined) this.leave();
    }
  }
}
