/** A hub on a broker in memory, with what it tells. */

import { assertEquals } from "@std/assert";

import { Hub } from "../../../src/pubsub/hub.ts";
import type { Gap, HubOptions } from "../../../src/pubsub/options.ts";
import { withTimeout } from "../../support/helper.ts";
import { turn } from "../wire/held_stream.ts";
import type { MemoryBroker, MemoryClient } from "./memory_broker.ts";

/** Milliseconds between two of its heartbeats. */
export const HEARTBEAT: number = 40;

/** A hub with what it tells. */
export class Server implements AsyncDisposable {
  readonly client: MemoryClient;
  readonly hub: Hub;
  readonly gaps: Gap[] = [];
  readonly errors: unknown[] = [];
  readonly heard: (string | Uint8Array)[] = [];
  readonly listener = (data: string | Uint8Array): void => {
    this.heard.push(data);
  };

  constructor(broker: MemoryBroker, options: HubOptions = {}) {
    this.client = broker.client();
    this.hub = new Hub({
      broker: this.client,
      heartbeat: HEARTBEAT,
      linger: 0,
      onGap: (gap) => this.gaps.push(gap),
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }

  /** The sum of what is known to be missed. */
  get missed(): number {
    return this.gaps.reduce((sum, { missed = 0 }) => sum + missed, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
    assertEquals(this.client.channels.size, 0);
  }
}

/** Waits for what must happen. */
export async function until(
  what: string,
  condition: () => boolean,
): Promise<void> {
  let given = false;
  const look = async () => {
    while (!given && !condition()) await turn();
  };
  try {
    await withTimeout(look(), 10_000, what);
  } finally {
    given = true;
  }
}

/** Waits until each of two hubs has sent so many heartbeats more. */
export async function beats(
  broker: MemoryBroker,
  count: number,
): Promise<void> {
  const { copies } = broker;
  let heard = 0;
  broker.copies = (channel, message) => {
    if (channel.endsWith("!")) heard++;
    return copies(channel, message);
  };
  await until("heartbeats", () => heard >= 2 * count);
  broker.copies = copies;
}
