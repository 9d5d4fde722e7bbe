/** The request of RFC 6455, section 1.2, with changes. */
export function upgradeRequest(
  change: Record<string, string | undefined> = {},
  init: RequestInit = {},
): Request {
  const headers = new Headers({
    host: "server.example.com",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    origin: "http://server.example.com",
    "sec-websocket-version": "13",
  });
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return new Request("http://server.example.com/chat", { ...init, headers });
}
