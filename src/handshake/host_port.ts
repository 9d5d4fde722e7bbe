/**
 * A host and its port as one text (gorilla's `net.JoinHostPort`).
 *
 * @param hostname The host, an IPv6 address without its brackets
 * @param port The port
 * @returns `host:port`, or `[address]:port`
 */
export function joinHostPort(hostname: string, port: number): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
