import { upgradeTurn } from "../base/turns.ts";
import type { ConnSettings } from "../conn/options.ts";
import { UnsupportedError } from "../errors.ts";
import { BUN_CAPABILITIES, BUN_DESCRIPTION } from "../runtime/bun/transport.ts";
import type { BunServer } from "../runtime/bun/types.ts";
import { remoteAddrOnBun, upgradeOnBun } from "../runtime/bun/upgrade.ts";
import {
  DENO_CAPABILITIES,
  DENO_DESCRIPTION,
} from "../runtime/deno/transport.ts";
import type { DenoServeInfo } from "../runtime/deno/types.ts";
import {
  hasGoneOnDeno,
  remoteAddrOnDeno,
  upgradeOnDeno,
} from "../runtime/deno/upgrade.ts";
import { nativeRuntime } from "../runtime/detect.ts";
import type { Addr, Capabilities, Transport } from "../transport/transport.ts";

/** What an upgrade by the runtime's own WebSocket gives. */
export interface NativeUpgrade {
  /** The connection. */
  readonly transport: Transport;
  /** What the handler must return. */
  readonly response: Response;
  /** Why the connection must not be used. */
  readonly fault?: TypeError | undefined;
}

/** What an upgrade by the runtime's own WebSocket is made with. */
export interface NativeUpgradeOptions {
  /** The client's address, if it is known. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** The application's headers of the 101. */
  readonly headers: readonly (readonly [string, string])[];
  /** Milliseconds until the 101 must have been sent. */
  readonly handshakeTimeout: number;
  /** Called with the error if it has not, where the runtime lets us know. */
  readonly lost: (error: Error) => void;
  /** Messages of at least this many bytes are compressed. */
  readonly threshold: number;
  /** The connection's settings. */
  readonly settings: ConnSettings;
}

/** The runtime's own WebSocket, behind one interface. */
export interface NativeEngine {
  /** What it can do. */
  readonly capabilities: Capabilities;
  /** What error messages call it. */
  readonly description: string;
  /**
   * Checks what the runtime passed along with the request.
   *
   * @throws {TypeError} If it is not what the runtime passes
   */
  check(target: unknown): void;
  /**
   * The client's address, if it is known; ask before the upgrade, not after.
   */
  remoteAddr(request: Request, target: unknown): Addr | undefined;
  /**
   * Waits for a later turn of the event loop if this one is over, where the
   * runtime does not end it by itself.
   *
   * @returns Whether it has waited
   */
  readonly turn?: () => Promise<boolean>;
  /** Whether the client has disconnected: there is nothing to upgrade then. */
  hasGone(request: Request): boolean | Promise<boolean>;
  /**
   * Upgrades a request.
   *
   * @throws {TypeError} If the runtime cannot; the request can still be
   * answered
   */
  upgrade(
    request: Request,
    target: unknown,
    options: NativeUpgradeOptions,
  ): NativeUpgrade;
}

// A queue below this size is no sign of a slow peer, however small the buffer.
const MIN_HIGH_WATER_MARK = 65_536;

/**
 * The native engine of the runtime that we run on.
 *
 * @returns The engine
 * @throws {UnsupportedError} If the runtime has none
 */
export function nativeEngine(): NativeEngine {
  switch (nativeRuntime()) {
    case "deno":
      return denoEngine;
    case "bun":
      return bunEngine;
    case undefined:
      throw new UnsupportedError(
        "Cannot upgrade request: this runtime has no WebSocket server of its own, use serve() or listener()",
      );
  }
}

const denoEngine: NativeEngine = {
  capabilities: DENO_CAPABILITIES,
  description: DENO_DESCRIPTION,
  check() {},
  remoteAddr: (_request, target) =>
    remoteAddrOnDeno(target as DenoServeInfo | undefined),
  hasGone: hasGoneOnDeno,
  upgrade(request, _target, options) {
    const { keepAlive, readLimit, closeTimeout } = options.settings;
    return upgradeOnDeno(request, {
      ...options,
      idleTimeout: keepAlive && keepAlive.interval + keepAlive.timeout,
      closeTimeout,
      readLimit,
      highWaterMark: highWaterMark(options.settings),
    });
  },
};

const bunEngine: NativeEngine = {
  capabilities: BUN_CAPABILITIES,
  description: BUN_DESCRIPTION,
  check(target) {
    const server = target as Partial<BunServer> | null | undefined;
    if (typeof server?.upgrade === "function") return;
    throw new TypeError(
      "Cannot upgrade request: pass the server, the second argument of Bun's fetch",
    );
  },
  remoteAddr: (request, target) =>
    remoteAddrOnBun(request, target as BunServer),
  turn: upgradeTurn,
  hasGone: ({ signal }) => signal.aborted,
  upgrade(request, target, options) {
    const upgrade = upgradeOnBun(request, target as BunServer, {
      ...options,
      readLimit: options.settings.readLimit,
      highWaterMark: highWaterMark(options.settings),
    });
    // Bun has answered; whatever its handler returns is ignored.
    return { ...upgrade, response: new Response(null) };
  },
};

function highWaterMark(settings: ConnSettings): number {
  return Math.min(
    Math.max(settings.writeBufferSize, MIN_HIGH_WATER_MARK),
    settings.writeLimit,
  );
}
