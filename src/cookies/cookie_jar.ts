/**
 * Where a Dialer keeps cookies (gorilla's `http.CookieJar`). Both methods may
 * be async; the time they take counts against the dial's.
 */
export interface CookieJar {
  /**
   * The cookies to send.
   *
   * @param url The URL that is dialed: `ws:` or `wss:`, which stand for `http:`
   * and `https:` here
   * @returns The value of the Cookie header, such as `a=b; c=d`; an empty string
   * for none
   */
  getCookies(url: URL): string | Promise<string>;

  /**
   * Takes the cookies of an answer, of a refused handshake as well.
   *
   * @param url The URL that was dialed
   * @param headers The answer's headers; those named Set-Cookie are meant
   * @returns A promise, where it takes its time
   */
  setCookies(url: URL, headers: Headers): void | Promise<void>;
}
