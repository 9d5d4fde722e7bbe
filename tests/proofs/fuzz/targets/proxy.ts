/** What a client reads of proxies: their answers, and how they are named. */

import { isIP, isIPv6 } from "node:net";

import { encodeConnectRequest } from "../../../../src/proxy/connect_request.ts";
import { proxyFor } from "../../../../src/proxy/environment.ts";
import { parseIP } from "../../../../src/base/ip.ts";
import { isInNoProxy } from "../../../../src/proxy/no_proxy.ts";
import {
  parseProxyURL,
  type ProxyServer,
} from "../../../../src/proxy/proxy_url.ts";
import { SocksHandshake } from "../../../../src/proxy/socks5.ts";
import { HandshakeStream } from "../../../../src/streams/handshake_stream.ts";
import { pipeStreams } from "../../../../src/testing/pipe_stream.ts";
import {
  openTunnel,
  TunnelError,
} from "../../../../src/client/proxy_tunnel.ts";
import { chooseChunking, Chunking } from "../chunks.ts";
import type { Random } from "../random.ts";
import { referenceHead } from "../reference/head.ts";
import { referenceSocks } from "../reference/socks5.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, toText } from "./text.ts";
import { mutate } from "./wire_bytes.ts";

/** The settings of an input: what it is, chunking. */
const SETTINGS = 2;
const KINDS = ["socks", "connect", "url", "list", "ip"] as const;

const DICTIONARY: readonly string[] = [
  ":",
  "/",
  "@",
  ".",
  "[",
  "]",
  "%",
  "%41",
  ",",
  " ",
  "*",
  "*.",
  "::",
  "0",
  "255",
  "256",
  "ffff",
  "/24",
  "/129",
  "\n",
  "\0",
  "\xff",
  "#",
  "?",
  "\\",
  "http://",
  "socks5://",
  "localhost",
  "HTTP/1.1 200 OK\r\n\r\n",
  "\r\n",
];

const URLS: readonly string[] = [
  "http://user:pass@proxy.example:3128/",
  "socks5h://a%20b:c@[::1]:1080",
  "https://proxy.example",
  "socks5://10.0.0.1",
];
const LISTS: readonly string[] = [
  "example.com,.local,10.0.0.0/8",
  "*.example.com:8080 [2001:db8::1]:443",
  "::ffff:10.0.0.0/104,*",
];
const ADDRESSES: readonly string[] = [
  "127.0.0.1",
  "::ffff:1.2.3.4",
  "2001:db8::",
  "1:2:3:4:5:6:7:8",
  "fe80::1:2",
];

/** A proxy's answer, its URL, NO_PROXY, or an address. */
export const proxyTarget: Target = {
  name: "proxy",
  about: "answers of proxies, SOCKS5 and CONNECT; proxy URLs, NO_PROXY, IPs",
  settings: SETTINGS,
  generate(random) {
    // Of the rest, an input costs a tenth.
    const kind = random.oneIn(10) ? 1 : [0, 0, 0, 2, 3, 4, 4][random.below(7)]!;
    const settings = [kind | random.below(2) << 7, chooseChunking(random)];
    return inputOf(settings, content(random, KINDS[kind]!));
  },
  check(input) {
    const [first = 0, chunks = 0] = input;
    const bytes = input.subarray(SETTINGS);
    const flag = first >= 0x80;
    switch (KINDS[(first & 0x7f) % KINDS.length]!) {
      case "socks":
        return checkSocks(bytes, new Chunking(chunks), flag);
      case "connect":
        return checkConnect(bytes, chunks);
      case "url":
        return checkURL(toText(bytes));
      case "list":
        return checkList(toText(bytes));
      case "ip":
        return checkIP(toText(bytes));
    }
  },
  describe: (input) =>
    `${KINDS[(input[0]! & 0x7f) % KINDS.length]}, flag ${input[0]! >> 7}, ` +
    `${new Chunking(input[1]!)}: ${
      JSON.stringify(toText(input.subarray(SETTINGS, SETTINGS + 500)))
    }`,
};

function content(
  random: Random,
  kind: (typeof KINDS)[number],
): Uint8Array<ArrayBuffer> {
  switch (kind) {
    case "socks":
      return socksAnswer(random);
    case "connect":
      return changedText(
        random,
        `HTTP/1.1 ${
          random.pick([200, 204, 407, 101])
        } Established\r\nA: b\r\n\r\n\x05`,
        DICTIONARY,
      );
    case "url":
      return changedText(random, random.pick(URLS), DICTIONARY);
    case "list":
      return changedText(random, random.pick(LISTS), DICTIONARY);
    case "ip":
      return changedText(random, random.pick(ADDRESSES), DICTIONARY);
  }
}

function socksAnswer(random: Random): Uint8Array<ArrayBuffer> {
  const type = random.pick([1, 1, 3, 4, 2]);
  const length = random.below(6);
  const address = type === 1
    ? [127, 0, 0, 1]
    : type === 4
    ? new Array<number>(16).fill(7)
    : [length, ...random.bytes(length)];
  const authentication = random.oneIn(2) ? [5, 0] : [5, 2, 1, 0];
  const reply = [5, 0, 0, type, ...address, 4, 56, 0x81, 0];
  const bytes = Uint8Array.of(...authentication, ...reply);
  return random.oneIn(2) ? mutate(random, bytes) : bytes;
}

const PROXY: ProxyServer = {
  protocol: "socks5",
  secure: false,
  hostname: "proxy.example",
  port: 1080,
  username: "",
  password: "",
};

function checkSocks(
  bytes: Uint8Array,
  chunking: Chunking,
  hasUser: boolean,
): Fault {
  const proxy = hasUser ? { ...PROXY, username: "u", password: "p" } : PROXY;
  const handshake = new SocksHandshake(proxy, "example.com", 443);
  const expected = referenceSocks(bytes, hasUser);
  let pushed = 0;
  for (const chunk of chunking.cut(bytes)) {
    const step = handshake.push(chunk);
    pushed += chunk.length;
    if (step.state === "pending") continue;
    if (step.state === "failed") {
      if (!/^it [a-z].*[^.]$/.test(step.error)) return `error: ${step.error}`;
      return expected === "failed" ? undefined : `socks: failed, ${expected}`;
    }
    const end = pushed - step.rest.length;
    return end === expected ? undefined : `socks: open at ${end}, ${expected}`;
  }
  return expected === "pending" ? undefined : `socks: pending, ${expected}`;
}

/** A proxy that answers so and then is silent for ever, or gone. */
async function checkConnect(bytes: Uint8Array, chunks: number): Promise<Fault> {
  const options = chunks > 0 && chunks < 128 ? { chunkSize: chunks } : {};
  const [here, there] = pipeStreams(options);
  const stream = new HandshakeStream(here);
  there.start({ data() {}, end() {}, closed() {} });
  there.write(bytes, () => there.end());
  const head = referenceHead(toText(bytes));
  const opens = typeof head !== "string" && head.status >= 200 &&
    head.status < 300;
  const { signal } = new AbortController();
  const proxy: ProxyServer = { ...PROXY, protocol: "connect" };
  try {
    await openTunnel(stream, proxy, "example.com", 443, signal);
    return opens ? undefined : "connect: it is open";
  } catch (error) {
    if (!(error instanceof TunnelError)) throw error;
    return opens ? `connect: ${error.message}` : undefined;
  } finally {
    stream.destroy();
    there.destroy();
  }
}

function checkURL(text: string): Fault {
  for (const read of [() => parseProxyURL(text), () => fromEnvironment(text)]) {
    try {
      const proxy = read();
      if (proxy === undefined) continue;
      const head = toText(encodeConnectRequest(proxy, "a.example", 80));
      const lines = proxy.password === "" ? 4 : 5;
      if (head.split(/\r\n|\n|\r/).length !== lines) {
        return `url: the request is ${JSON.stringify(head)}`;
      }
      if (!(proxy.port >= 0 && proxy.port < 65_536) || proxy.hostname === "") {
        return `url: ${proxy.hostname}:${proxy.port}`;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      if (!/^Cannot use (a |the )?proxy/.test(error.message)) throw error;
    }
  }
}

function fromEnvironment(text: string): ProxyServer | undefined {
  const proxy = proxyFor(
    new URL("ws://example.com"),
    (name) => name === "HTTP_PROXY" ? text : undefined,
  );
  return proxy && parseProxyURL(proxy);
}

function checkList(text: string): Fault {
  const hosts = ["example.com", "10.1.2.3", "2001:db8::1", "a.local"];
  for (const host of hosts) {
    const named = isInNoProxy(text, host, 443);
    // A list names what one of its entries does.
    const entries = text.split(/[\s,]+/);
    if (named !== entries.some((entry) => isInNoProxy(entry, host, 443))) {
      return `list: ${host} is ${named ? "" : "not "}named`;
    }
    if (named && !entries.some((entry) => mayName(entry, host))) {
      return `list: ${host} is named by nothing`;
    }
  }
}

/** Whether an entry has something to do with the host at all. */
function mayName(entry: string, host: string): boolean {
  return entry === "*" || entry.includes("/") || entry.includes(":") ||
    host.includes(entry.toLowerCase().replace(/^\*?\.|\.$/g, "")) ||
    // A name in other letters, which a URL spells in these.
    // deno-lint-ignore no-control-regex
    /[^\x00-\x7f]/.test(entry);
}

function checkIP(text: string): Fault {
  const ip = parseIP(text);
  const known = text.includes("%") ? 0 : isIP(text);
  if ((ip === undefined) !== (known === 0)) {
    return `ip: it is ${ip} where the platform says ${known}`;
  }
  if (ip === undefined || !isIPv6(text)) {
    return ip === undefined || ip.join(".") === text ? undefined : `ip: ${ip}`;
  }
  const bytes = ip.length === 4
    ? [...new Array<number>(10).fill(0), 0xff, 0xff, ...ip]
    : [...ip];
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16),
  );
  // Bun's URL refuses some addresses that end in IPv4, such as ::1:1:1:1:1.1.1.1
  const plain = text.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, ...[a, b, c, d]) =>
      `${(a * 256 + +b).toString(16)}:${(c * 256 + +d).toString(16)}`,
  );
  const host = (address: string) => new URL(`http://[${address}]/`).hostname;
  return host(groups.join(":")) === host(plain) ? undefined : `ip: ${groups}`;
}
