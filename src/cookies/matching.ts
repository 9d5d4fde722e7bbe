/** Which cookies go where (RFC 6265, section 5.1). */

/**
 * The host of a URL, as cookies know it (section 5.1.2). A dot at the end only
 * marks a fully qualified name, so it is dropped.
 *
 * @param url The URL
 * @returns The host
 */
export function cookieHost(url: URL): string {
  return url.hostname.replace(/\.$/, "");
}

/**
 * Whether a cookie may name a domain: none of its labels may be empty.
 *
 * @param domain The domain, without a dot before it
 * @returns Whether there is no empty label, such as one after a dot at the end
 */
export function isDomain(domain: string): boolean {
  return !domain.split(".").includes("");
}

/**
 * Whether a host lies in a domain (section 5.1.3).
 *
 * @param hostname The host, in lower case
 * @param domain The domain, in lower case
 * @returns Whether it is the domain itself or, unless it is an IP address, a
 * subdomain
 */
export function domainMatches(hostname: string, domain: string): boolean {
  if (!hostname.endsWith(domain)) return false;
  const before = hostname.length - domain.length - 1;
  return before < 0 || hostname.charAt(before) === "." && !isAddress(hostname);
}

/**
 * Whether a request's path is covered by a cookie's (section 5.1.4).
 *
 * @param path The request's path
 * @param under The cookie's path
 * @returns Whether it does
 */
export function pathMatches(path: string, under: string): boolean {
  return path === under ||
    path.startsWith(under) &&
      (under.endsWith("/") || path.charAt(under.length) === "/");
}

/**
 * The path of a cookie that does not name one (section 5.1.4).
 *
 * @param path The path of the request that was answered
 * @returns The path up to, and without, its last slash
 */
export function defaultPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/**
 * The domains that cookies for a host may be stored under.
 *
 * @param hostname The host
 * @returns The host, and what follows each of its dots
 */
export function domainsOf(hostname: string): string[] {
  const domains = [hostname];
  if (isAddress(hostname)) return domains;
  for (
    let dot = hostname.indexOf(".");
    dot >= 0;
    dot = hostname.indexOf(".", dot + 1)
  ) {
    domains.push(hostname.slice(dot + 1));
  }
  return domains;
}

/** Whether a URL's host is an IP address: no host name ends with a number. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /(?:^|\.)[0-9]+$/.test(hostname);
}
