import type { Addr } from "./transport.ts";

/** A certificate and its key, in PEM. */
export interface TLSCertificate {
  /** The certificate chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Where a server listens, whoever listens there. */
export interface ListenOptions {
  /** The port; 0 for any that is free. */
  readonly port: number;
  /** The host's name or IP address. */
  readonly hostname: string;
  /** For https and wss. */
  readonly tls: TLSCertificate | undefined;
  /** Told of what a handler of requests threw. */
  readonly onError: (error: unknown) => void;
}

/** A server that listens. */
export interface Listener {
  /** Where it listens. */
  readonly addr: Addr & { readonly transport: "tcp" };
  /** Whether `stop` ends the connections, too: then it comes last. */
  readonly stopEndsConns: boolean;
  /** Stops accepting; fulfils when the last request has been answered. */
  stop(): Promise<void>;
  /** Cuts what is left of requests. */
  cut(): void;
}
