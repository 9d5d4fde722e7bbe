/** Chats, and people in them without a page, over real sockets. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

import type { CloseInfo } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { Dialer, type DialerOptions } from "../../src/client/dialer.ts";
import {
  type Chat,
  type ChatOptions,
  serveChat,
} from "../../examples/chat_app/chat_server.ts";
import type { Limits } from "../../examples/chat_app/limits.ts";
import type {
  ChatEvent,
  ChatMessage,
  Command,
  Join,
} from "../../examples/chat_app/protocol.ts";
import { portOf } from "../support/servers.ts";

/** Limits that no test reaches by accident. */
export const FAST: Partial<Limits> = { burst: 1_000_000, perSecond: 1_000_000 };

/** Serves a chat on a free port of this machine. */
export function startChat(options: ChatOptions = {}): Promise<Chat> {
  return serveChat({ port: 0, hostname: "127.0.0.1", ...options });
}

/** A folder for the time of a test. */
export class Folder implements Disposable {
  /** Where it is. */
  readonly path: string = mkdtempSync(`${tmpdir()}/chat-`);

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Somebody who talks to a chat as a page does. */
export class Person implements AsyncDisposable {
  /** The connection. */
  readonly conn: Conn;

  private constructor(conn: Conn) {
    this.conn = conn;
  }

  /** Connects, and says nothing yet. */
  static async dial(server: Chat, options?: DialerOptions): Promise<Person> {
    const url = `ws://127.0.0.1:${portOf(server)}/chat`;
    return new Person((await new Dialer(options).dial(url)).conn);
  }

  /** Connects and joins; what does not matter has a default. */
  static async join(
    server: Chat,
    name: string,
    join: Partial<Join> = {},
  ): Promise<{ person: Person; welcome: EventOf<"welcome"> }> {
    const person = await Person.dial(server);
    person.send(joinOf(name, join));
    return { person, welcome: await person.hear("welcome") };
  }

  /** Sends anything. */
  send(command: Command | Record<string, unknown>): void {
    this.conn.writeJSON(command);
  }

  /** Says something to the room. */
  say(id: string, text: string): void {
    this.send({ type: "say", id, text });
  }

  /** The next event, which must be of this type. */
  async hear<T extends ChatEvent["type"]>(type: T): Promise<EventOf<T>> {
    const event = await this.conn.readJSON<ChatEvent>();
    if (event.type === type) return event as EventOf<T>;
    throw new Error(`Cannot take ${JSON.stringify(event)} for ${type}`);
  }

  /** The next message, which must be the next event. */
  async hearMessage(): Promise<ChatMessage> {
    return (await this.hear("said")).message;
  }

  /** The code and the reason by which the server ends this; events before it are dropped. */
  async end(): Promise<Pick<CloseInfo, "code" | "reason">> {
    try {
      for await (const _ of this.conn);
    } catch {
      // Told by `closed`.
    }
    const { code, reason } = await this.conn.closed;
    return { code, reason };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.conn[Symbol.asyncDispose]();
  }
}

/** An event of a type. */
export type EventOf<T extends ChatEvent["type"]> = Extract<
  ChatEvent,
  { type: T }
>;

/** What a page of that name sends first. */
export function joinOf(name: string, join: Partial<Join> = {}): Join {
  return {
    type: "join",
    room: "tea",
    name,
    key: `key-of-${name.replace(/\W/g, "-")}`,
    after: "",
    ...join,
  };
}
