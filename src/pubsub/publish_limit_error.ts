import { brand } from "../base/brands.ts";

/**
 * A `publish()` that was refused: the broker has not confirmed what was published
 * before. Nothing of it has been sent.
 *
 * @example Tell the client to come back later
 * ```ts
 * import { Hub, PublishLimitError } from "@silverback/websocket/pubsub";
 * import { assertEquals } from "@std/assert";
 *
 * const stuck = {
 *   publish: () => new Promise(() => {}),
 *   subscribe: async () => () => {},
 * };
 * await using hub = new Hub({ broker: stuck, publishLimit: 100, heartbeat: 100 });
 * hub.publish("news", "x".repeat(99));
 * const answer = await hub.publish("news", "and more").then(
 *   () => "sent",
 *   (error) => error instanceof PublishLimitError ? "busy" : "failed",
 * );
 * assertEquals(answer, "busy");
 * ```
 */
export class PublishLimitError extends Error {
  /** `"PublishLimitError"`. */
  declare readonly name: string;
  /** The limit, in bytes or UTF-16 units. */
  readonly limit: number;

  static {
    brand(this, "PublishLimitError");
  }

  /**
   * Makes the error of a publish over the limit.
   *
   * @param limit The limit, in characters
   */
  constructor(limit: number) {
    super(
      `Cannot publish: ${limit} bytes wait for the broker's confirmation; await publish() to keep to its pace`,
    );
    this.limit = limit;
  }
}
