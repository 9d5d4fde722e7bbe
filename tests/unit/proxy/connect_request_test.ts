import { assertEquals } from "@std/assert";
import { encodeConnectRequest } from "../../../src/proxy/connect_request.ts";
import { parseProxyURL } from "../../../src/proxy/proxy_url.ts";
import { test } from "../../support/helper.ts";

function request(proxy: string, hostname: string, port: number): string {
  return new TextDecoder().decode(
    encodeConnectRequest(parseProxyURL(proxy), hostname, port),
  );
}

test("encodeConnectRequest() asks for the host and port, and for no more", () => {
  assertEquals(
    request("http://p", "example.com", 80),
    "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n",
  );
  assertEquals(
    request("https://p", "::1", 8443),
    "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n",
  );
});

test("encodeConnectRequest() sends a password, encoded as UTF-8", () => {
  const authorization = (proxy: string) =>
    /\r\nProxy-Authorization: (.*)\r\n/.exec(request(proxy, "a", 1))?.[1];
  assertEquals(
    authorization("http://Aladdin:open%20sesame@p"),
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
  );
  // RFC 7617, section 2.1.
  assertEquals(
    authorization("http://test:123%C2%A3@p"),
    "Basic dGVzdDoxMjPCow==",
  );
  assertEquals(authorization("http://:x@p"), "Basic Ong=");
  assertEquals(authorization("http://user@p"), undefined);
});
