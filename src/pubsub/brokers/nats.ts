import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";
import { checkClient } from "./redis.ts";

/** A connection to NATS: of `@nats-io/transport-node`, or of `nats` 2. */
export interface NATSConnection {
  /** What the server said when it was connected to. */
  readonly info?: { readonly max_payload?: number } | undefined;
  /**
   * Publishes.
   *
   * @param subject The subject
   * @param payload The message
   */
  publish(subject: string, payload: Uint8Array): void;
  /**
   * Subscribes.
   *
   * @param subject The subject
   * @param options The callback
   * @returns The subscription
   */
  subscribe(
    subject: string,
    options: {
      callback: (error: Error | null, message: { data: Uint8Array }) => void;
    },
  ): { unsubscribe(): void };
  /**
   * Waits until the server has taken all that was sent.
   *
   * @returns Fulfils then
   */
  flush(): Promise<void>;
  /**
   * Tells what happens to the connection.
   *
   * @returns The events
   */
  status(): AsyncIterable<{ readonly type: string }>;
}

// What the status tells of a right that is missing: of `@nats-io/transport-node`,
// and of `nats` 2.
interface NATSFailure {
  readonly error?: NATSRight;
  readonly permissionContext?: NATSRight;
}

interface NATSRight {
  readonly operation?: string;
  readonly subject?: string;
}

const DEFAULT_PAYLOAD = 1_048_576;
// The line that names it must have room in 4,096 bytes.
const MAX_SUBJECT = 2_048;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// The client keeps what a server does not take, without a bound. So the server is
// asked for an answer behind so many bytes, and waited for behind so many more.
const ASK_FROM = 2 ** 18;
const WAIT_FROM = 2 ** 20;

/**
 * NATS, by a connection of the application's: core NATS, without JetStream. Its
 * client says of nothing that the server has it: `publish()` fulfils when the
 * client has taken it, and rejects while that is not connected. Where the server
 * has not answered for what came before, and that is a megabyte, it waits for the
 * answer, and `publishLimit` counts. The order is that of each publisher.
 *
 * @param connection The connection, which should reconnect for ever:
 * `maxReconnectAttempts: -1`
 * @returns The broker
 * @throws {TypeError} If it has not the methods
 *
 * @example Usage
 * ```ts no-assert
 * import { Hub, nats, type NATSConnection } from "@silverback/websocket/pubsub";
 *
 * async function start(
 *   connect: (options: { servers: string; maxReconnectAttempts: number }) => Promise<NATSConnection>,
 * ): Promise<Hub> {
 *   const servers = "nats://127.0.0.1:4222";
 *   const hub = new Hub({ broker: nats(await connect({ servers, maxReconnectAttempts: -1 })) });
 *   await hub.ready;
 *   return hub;
 * }
 * ```
 */
export function nats(connection: NATSConnection): Broker {
  checkClient(
    "nats()",
    connection,
    "publish",
    "subscribe",
    "flush",
    "status",
  );
  const subscriptions = new Map<string, { unsubscribe(): void }>();
  const receivers = new Receivers(
    async (channel) => {
      const subject = subjectOf(channel);
      let refused: unknown;
      let confirmed = false;
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) {
            refused ??= error;
            if (confirmed) receivers.failed(error, [channel]);
          } else receivers.message(channel, decoder.decode(message.data));
        },
      });
      try {
        await connection.flush();
        // A server tells of a right that is missing before it answers.
        if (refused !== undefined) throw refused;
      } catch (error) {
        // Or the client would subscribe again as soon as it is connected.
        subscription.unsubscribe();
        throw error;
      }
      subscriptions.set(channel, subscription);
      confirmed = true;
    },
    (channel) => {
      subscriptions.get(channel)?.unsubscribe();
      subscriptions.delete(channel);
    },
  );
  let connected = true;
  let unanswered = 0; // bytes that the server may not have yet
  let answered: Promise<void> | undefined; // fulfils when it has a part of them
  watch().catch(() => {}); // It is closed.

  async function watch(): Promise<void> {
    try {
      for await (const status of connection.status()) {
        const { type } = status;
        if (type === "disconnect") connected = false;
        if (type === "error") fail(status as NATSFailure);
        if (type !== "reconnect") continue;
        connected = true;
        // The client has sent its subscriptions again; the server has them when
        // it answers.
        connection.flush().then(() => receivers.interrupted(), () => {});
      }
    } finally {
      connected = false;
    }
  }

  async function ask(): Promise<void> {
    const asked = unanswered;
    try {
      await connection.flush();
    } finally {
      unanswered -= asked;
      answered = undefined;
    }
  }

  // What is refused of what was published is told here only.
  function fail({ error, permissionContext = error }: NATSFailure): void {
    if (permissionContext?.operation !== "publish") return;
    const { subject } = permissionContext;
    receivers.failed(
      new Error(`Cannot publish to NATS subject ${subject}: it is refused`),
    );
  }

  return {
    publish(channel, message) {
      const subject = subjectOf(channel);
      const payload = encoder.encode(message);
      const limit = connection.info?.max_payload ?? DEFAULT_PAYLOAD;
      if (payload.length > limit) {
        throw new RangeError(
          `Cannot publish ${payload.length} bytes: the NATS server takes ${limit}`,
        );
      }
      // The client would keep it until it is connected, without a bound.
      if (!connected) {
        throw new Error("Cannot publish: NATS is not connected");
      }
      connection.publish(subject, payload);
      unanswered += payload.length;
      if (unanswered >= ASK_FROM) answered ??= ask();
      return unanswered >= WAIT_FROM ? answered : undefined;
    },
    subscribe: (channel, receiver) => receivers.add(channel, receiver),
  };
}

// Dots and asterisks are NATS's own, and so is white space; `encodeURIComponent`
// leaves the first two.
function subjectOf(channel: string): string {
  const subject = encodeURIComponent(channel)
    .replaceAll(".", "%2E").replaceAll("*", "%2A");
  if (subject.length <= MAX_SUBJECT) return subject;
  throw new RangeError(
    `Cannot use channel of ${subject.length} characters: NATS takes ${MAX_SUBJECT}`,
  );
}
