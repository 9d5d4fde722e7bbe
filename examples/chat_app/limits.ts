/** What a connection, a room and the whole server may cost. */

/** The limits of a chat. */
export interface Limits {
  /** Connections to the server. */
  readonly connections: number;
  /** Rooms that are remembered; empty ones make way for new ones. */
  readonly rooms: number;
  /** People in one room. */
  readonly people: number;
  /** Messages that a room remembers. */
  readonly history: number;
  /** Bytes that a page may be behind before it is cut. */
  readonly unsent: number;
  /** Milliseconds that a page may take to join. */
  readonly joinTime: number;
  /** Commands that a page may send at once. */
  readonly burst: number;
  /** Commands a second after that. */
  readonly perSecond: number;
  /** Commands in a row that may come too fast before the page is cut. */
  readonly tooFast: number;
}

/** The limits where nothing else is said. */
export const LIMITS: Limits = {
  connections: 5_000,
  rooms: 1_000,
  people: 200,
  history: 200,
  unsent: 2 ** 20,
  joinTime: 10_000,
  burst: 10,
  perSecond: 2,
  tooFast: 100,
};
