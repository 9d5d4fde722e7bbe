import type { Addr } from "./transport.ts";

/** A certificate and its key, in PEM. */
export interface TLSCertificate {
  /** The certificate chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Where and how a server listens, on every engine. */
export interface ListenOptions {
  /** The port; 0 picks a free one. */
  readonly port: number;
  /** The host name or IP address. */
  readonly hostname: string;
  /** For https and wss. */
  readonly tls: TLSCertificate | undefined;
  /** Called with what a handler of requests throws. */
  readonly onError: (error: unknown) => void;
  /** Called with the reason if the server stops by itself. */
  readonly onFailed: (error: unknown) => void;
}

/** A server that listens. */
export interface Listener {
  /** Where it listens. */
  readonly addr: Addr & { readonly transport: "tcp" };
  /** Whether `stop` ends the connections, too: then it must be called last. */
  readonly stopEndsConns: boolean;
  /** Stops accepting; fulfils when the last request has been answered. */
  stop(): Promise<void>;
  /** Cuts the requests that are left. */
  cut(): void;
}
