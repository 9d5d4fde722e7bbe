/**
 * Where a Dialer keeps cookies (gorilla's `http.CookieJar`). Both methods may
 * be async; their time counts as part of the dial's.
 */
export interface CookieJar {
  /**
   * The cookies to send.
   *
   * @param url The URL to dial: `ws:` or `wss:`, to be treated as `http:` or
   * `https:`
   * @returns The value of the Cookie header, such as `a=b; c=d`; an empty
   * string for none
   */
  getCookies(url: URL): string | Promise<string>;

  /**
   * Stores the cookies of an answer, also of a refused handshake.
   *
   * @param url The URL that was dialed
   * @param headers The answer's headers, Set-Cookie among them
   * @returns A promise, if it is asynchronous
   */
  setCookies(url: URL, headers: Headers): void | Promise<void>;
}
