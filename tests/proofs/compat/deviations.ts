/** Where the runtimes' own classes are not as the standard has it: Deno 2.9 and Bun 1.4. */

const NO_CHECK = "it opens, as Deno does not look at that";
const CODE_0 = "the code is 0";
const NATIVE_ERROR = "it is JavaScript's SyntaxError, not a DOMException";

const DEVIATIONS: Record<string, Record<string, string>> = {
  "WebSocket of deno": {
    "an answer that is no 101 fails the connection": CODE_0,
    "a redirect fails the connection": CODE_0,
    "a server that cannot be reached fails the connection": CODE_0,
    "close() before it is established fails it, with readyState CLOSING":
      CODE_0,
    "a connection that is lost is error, then close with 1006": CODE_0,
    "a connection that is failed is error, then close with 1006":
      "no close frame is sent",
    "a wrong Sec-WebSocket-Accept fails the connection": NO_CHECK,
    "a protocol that was not asked for fails the connection": NO_CHECK,
    "an extension that was not asked for fails the connection": NO_CHECK,
    "if protocols were asked for, an answer without one fails the connection":
      NO_CHECK,
    "the class and its objects have the constants, which cannot be changed":
      "they are getters, which the prototype itself cannot be asked",
    "members are enumerable, and methods have the lengths of Web IDL":
      "the class's length is 2",
    "send() raises bufferedAmount by the bytes of the message":
      "a Blob does not count before it has been read",
    "send() when it closes sends nothing, and raises bufferedAmount":
      "bufferedAmount stays",
    "the event's origin is that of the URL": "it is the URL",
    "each message is an event in a task of its own":
      "messages that have come together share one",
    "a message right behind the 101 comes after open": "they come in one task",
    "messages that come after close() are dropped": "they are events",
    "a handler that was set to null has its place no more": "it keeps it",
    "a handler that returns false cancels the event": "it does not",
  },
  "WebSocket of bun": {
    "if the URL is failure, a SyntaxError is thrown": NATIVE_ERROR,
    "if the URL's scheme is neither ws nor wss, a SyntaxError is thrown":
      NATIVE_ERROR,
    "if the URL's fragment is not null, a SyntaxError is thrown": NATIVE_ERROR,
    "an empty fragment is not null": NATIVE_ERROR,
    "if a protocol is no token, a SyntaxError is thrown": NATIVE_ERROR,
    "if a protocol occurs more than once, a SyntaxError is thrown":
      NATIVE_ERROR,
    "protocols that differ by their case alone are the same": NATIVE_ERROR,
    "close() with a reason of more than 123 bytes throws a SyntaxError":
      NATIVE_ERROR,
    "at first binaryType is blob": "it is nodebuffer",
    "send() raises bufferedAmount by the bytes of the message":
      "what has been given to the system does not count",
    "close() with another code throws an InvalidAccessError":
      "it takes codes of the protocol's own",
    "a connection that is lost is error, then close with 1006":
      "there is no error",
  },
};

/** How a target deviates from a sentence, if it does. */
export function deviation(
  target: string,
  sentence: string,
): string | undefined {
  return DEVIATIONS[target]?.[sentence];
}
