import { parseIP, samePrefix } from "../base/ip.ts";

/**
 * Whether a NO_PROXY list names a host. Its entries are separated by commas or
 * white space, and their case does not matter:
 *
 * - `example.com`: the host and its subdomains;
 * - `.example.com` and `*.example.com`: only the subdomains;
 * - `192.0.2.1` and `2001:db8::1`, also in brackets: an address;
 * - `192.0.2.0/24` and `2001:db8::/32`: a range of addresses;
 * - any of the names and addresses with `:port`: only that port;
 * - `*`: every host.
 *
 * Any other entry is ignored. Names are not looked up.
 *
 * @param list The list
 * @param hostname The host, an IPv6 address without its brackets
 * @param port The port
 * @returns Whether the list names it
 */
export function isInNoProxy(
  list: string,
  hostname: string,
  port: number,
): boolean {
  const name = normalizeName(hostname);
  const ip = parseIP(hostname);
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    if (entry.includes("/")) return ip !== undefined && inRange(entry, ip);
    const [host, wanted] = splitPort(entry);
    if (wanted !== "" && wanted !== String(port)) return false;
    const address = parseIP(host);
    if (address !== undefined) {
      return ip !== undefined && samePrefix(address, ip);
    }
    return ip === undefined && inDomain(host, name);
  });
}

function inRange(entry: string, ip: Uint8Array): boolean {
  const [address = "", prefix = "", more] = entry.split("/", 3);
  const network = parseIP(address);
  if (network === undefined || more !== undefined) return false;
  if (!/^[0-9]{1,3}$/.test(prefix)) return false;
  // The prefix of an IPv4-mapped IPv6 address counts from 128 bits.
  const bits = Number(prefix) -
    (network.length === 4 && address.includes(":") ? 96 : 0);
  return bits >= 0 && bits <= network.length * 8 &&
    samePrefix(network, ip, bits);
}

/** The host without brackets, and the port or an empty string. */
function splitPort(entry: string): [host: string, port: string] {
  const bracketed = /^\[([^\]]*)\](?::([0-9]+))?$/.exec(entry);
  if (bracketed !== null) return [bracketed[1]!, bracketed[2] ?? ""];
  if (parseIP(entry) !== undefined) return [entry, ""];
  const colon = entry.indexOf(":");
  if (colon < 0) return [entry, ""];
  return [entry.slice(0, colon), entry.slice(colon + 1)];
}

function inDomain(entry: string, name: string): boolean {
  const domain = normalizeName(entry.startsWith("*.") ? entry.slice(1) : entry);
  if (domain === "" || domain === ".") return false;
  if (domain.startsWith(".")) return name.endsWith(domain);
  return name === domain || name.endsWith(`.${domain}`);
}

/** A name in the form of a URL's host, without a dot at the end. */
function normalizeName(text: string): string {
  let name = text.toLowerCase();
  // deno-lint-ignore no-control-regex
  if (/[^\x00-\x7f]/.test(name)) {
    const dot = name.startsWith(".") ? "." : "";
    const url = `http://${name.slice(dot.length)}`;
    if (URL.canParse(url)) name = dot + new URL(url).hostname;
  }
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
