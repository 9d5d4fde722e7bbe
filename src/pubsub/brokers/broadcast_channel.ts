import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";

// One for all topics: opening one for each message, or keeping those that are
// published to, would cost more than to look away from what others want.
const NAME = "@silverback/websocket/pubsub";

/**
 * The runtime's `BroadcastChannel`: it joins the workers of one process, and
 * what else the platform joins by it. All of them get the messages of all
 * topics, and drop those that nobody wants there. The order is that of each
 * publisher.
 *
 * @returns The broker
 *
 * @example Usage
 * ```ts
 * import { broadcastChannel, Hub } from "@silverback/websocket/pubsub";
 * import { assertEquals } from "@std/assert";
 *
 * await using here = new Hub({ broker: broadcastChannel() });
 * await using worker = new Hub({ broker: broadcastChannel() });
 * const { promise, resolve } = Promise.withResolvers<string | Uint8Array>();
 * await worker.subscribe("news", resolve);
 * await here.publish("news", "Hello");
 * assertEquals(await promise, "Hello");
 * ```
 */
export function broadcastChannel(): Broker {
  let port: BroadcastChannel | undefined; // while anybody is subscribed
  const receivers = new Receivers(
    (): Promise<void> => {
      if (port === undefined) {
        port = new BroadcastChannel(NAME);
        port.onmessage = ({ data }) => take(data);
      }
      return Promise.resolve();
    },
    () => {
      if (!receivers.isEmpty) return;
      port?.close();
      port = undefined;
    },
  );

  function take(data: unknown): void {
    // Anybody may have sent it.
    if (!Array.isArray(data)) return;
    const [channel, message] = data;
    if (typeof channel !== "string" || typeof message !== "string") return;
    receivers.message(channel, message);
  }

  return {
    publish(channel, message) {
      const data = [channel, message];
      if (port !== undefined) {
        port.postMessage(data);
        // It does not hear itself.
        return Promise.resolve().then(() => take(data));
      }
      const once = new BroadcastChannel(NAME);
      once.postMessage(data);
      once.close();
      return Promise.resolve();
    },
    subscribe: (channel, receiver) => receivers.add(channel, receiver),
  };
}
