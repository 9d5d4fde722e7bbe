/**
 * The path as it appears in the URLs of requests.
 *
 * @param path The path
 * @returns The path, escaped as URLs are
 * @throws {TypeError} If it does not begin with a slash, or has a query or a
 * fragment
 */
export function normalPath(path: string): string {
  if (!path.startsWith("/") || /[?#]/.test(path)) {
    throw new TypeError(
      `Cannot serve path ${
        JSON.stringify(path)
      }: it must begin with a slash and have no query`,
    );
  }
  return new URL(`http://localhost${path}`).pathname;
}
