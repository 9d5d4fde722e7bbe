/** Which cookies go where (RFC 6265, section 5.1). */

/**
 * Whether a host lies in a domain (section 5.1.3).
 *
 * @param hostname The host, in lower case
 * @param domain The domain, in lower case
 * @returns Whether it is the domain or, if it is no IP address, below it
 */
export function domainMatches(hostname: string, domain: string): boolean {
  if (!hostname.endsWith(domain)) return false;
  const before = hostname.length - domain.length - 1;
  return before < 0 || hostname.charAt(before) === "." && !isAddress(hostname);
}

/**
 * Whether a request's path lies under a cookie's (section 5.1.4).
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
 * The path of a cookie that names none (section 5.1.4).
 *
 * @param path The path of the request that was answered
 * @returns The path up to its last slash, without it
 */
export function defaultPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/**
 * The domains that a host's cookies may be under.
 *
 * @param hostname The host
 * @returns The host, and what is behind each of its dots
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

/** Whether a URL's host is an IP address: no name has a number at its end. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /(?:^|\.)[0-9]+$/.test(hostname);
}
