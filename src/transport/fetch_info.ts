/**
 * What `fetch` is told beside the request. On the native engine it is the
 * runtime's own second argument: Deno's info, which has `remoteAddr`, or Bun's
 * server, which has `requestIP`. On the wire engine it has both, on every
 * runtime, so that what is written for either finds the client's address; there
 * is nothing else in it.
 *
 * @example The client's address, on either engine and runtime
 * ```ts
 * import { type FetchInfo, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * function addressOf(request: Request, info: FetchInfo): string | undefined {
 *   return info.remoteAddr?.hostname ?? info.requestIP?.(request)?.address;
 * }
 *
 * await using server = await serve(() => {}, {
 *   port: 0,
 *   fetch: (request, info) => new Response(addressOf(request, info)),
 * });
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals(await response.text(), "127.0.0.1");
 * ```
 */
export type FetchInfo = {
  /** The client's address, as Deno has it; behind a proxy, the proxy's. */
  readonly remoteAddr?: {
    /** `"tcp"`, or on Deno another kind that it serves. */
    readonly transport: string;
    /** The client's IP address, where there is one. */
    readonly hostname?: string;
    /** The client's port, where there is one. */
    readonly port?: number;
    /** The path of a Unix domain socket. */
    readonly path?: string;
  } | undefined;
  /**
   * The client's address, as Bun has it.
   *
   * @param request The request that `fetch` was given, not a copy
   * @returns The address; `null` for another request, or where it is not known
   */
  requestIP?(request: Request): {
    /** The client's IP address. */
    readonly address: string;
    /** Its version. */
    readonly family: "IPv4" | "IPv6";
    /** The client's port. */
    readonly port: number;
  } | null;
};
