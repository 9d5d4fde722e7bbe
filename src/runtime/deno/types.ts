/**
 * The part that the upgrade needs of the second argument of a `Deno.serve`
 * handler, its `Deno.ServeHandlerInfo`.
 */
export interface DenoServeInfo {
  /** The peer's address. */
  readonly remoteAddr: {
    /** `"tcp"`, `"unix"`, or another kind that Deno serves. */
    readonly transport: string;
    /** The peer's IP address, where there is one. */
    readonly hostname?: string;
    /** The peer's port, where there is one. */
    readonly port?: number;
    /** The path of a Unix domain socket. */
    readonly path?: string;
  };
}
