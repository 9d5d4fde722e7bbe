/**
 * What the page and the server say to each other: JSON, one object a message,
 * told apart by `type`. What comes from a page is checked here, and only here.
 */

import { CloseCode } from "../../mod.ts";

/** UTF-16 code units of a person's or a room's name. */
export const NAME_LENGTH = 32;
/** UTF-16 code units of one message's text, as `maxlength` counts them. */
export const TEXT_LENGTH = 2_000;
/**
 * Bytes of one message from a page: a text of which each unit is an escape of
 * six bytes, and what is around it.
 */
export const COMMAND_BYTES: number = 6 * TEXT_LENGTH + 1_024;

/**
 * Close codes of our own, beside those of RFC 6455. They tell the page not to
 * come back by itself: it would end the same way.
 */
export const ChatClose = {
  /** Somebody else in the room has the name. */
  NameTaken: 4000,
  /** The same page has joined again, over another connection. */
  Replaced: 4001,
  /** The name, or the room's, is empty, too long, or has what is not seen. */
  BadName: 4002,
  /** Something else that the page has sent is not taken. */
  Refused: 4003,
} as const;

/** A message as everybody sees it. */
export interface ChatMessage {
  /** Made by the page that sent it, so that a message sent twice is told. */
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** When the server took it, in milliseconds since 1970. */
  readonly time: number;
}

/** The first message of a page. */
export interface Join {
  readonly type: "join";
  readonly room: string;
  readonly name: string;
  /** A secret of the page: whoever knows it may take over its place. */
  readonly key: string;
  /** The id of the last message that the page has; empty if it has none. */
  readonly after: string;
}

/** Something to be said to the room. */
export interface Say {
  readonly type: "say";
  readonly id: string;
  readonly text: string;
}

/** Asks for a `pong`: browsers do not show WebSocket's own to a page. */
export interface Ping {
  readonly type: "ping";
}

/** From the page to the server. */
export type Command = Join | Say | Ping;

/** From the server to the page. */
export type ChatEvent =
  | {
    readonly type: "welcome";
    readonly room: string;
    readonly name: string;
    readonly people: readonly string[];
    /** What was said after the message that the page has named. */
    readonly messages: readonly ChatMessage[];
    /** Whether more was said in between than the room remembers. */
    readonly gap: boolean;
  }
  | { readonly type: "said"; readonly message: ChatMessage }
  /** More was said than the server could read again; what it has is behind it. */
  | { readonly type: "gap" }
  | { readonly type: "joined"; readonly name: string }
  | { readonly type: "left"; readonly name: string }
  /** The page sends too fast: what it has sent has to wait, and is not lost. */
  | { readonly type: "slow" }
  | { readonly type: "pong" };

/** Ends a connection: the code and the reason that its page gets. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.name = "Refusal";
    this.code = code;
  }
}

/**
 * Reads what a page has sent.
 *
 * @throws {Refusal} If it is not a command
 */
export function parseCommand(data: string | Uint8Array): Command {
  if (typeof data !== "string") {
    throw new Refusal(CloseCode.UnsupportedData, "Binary is not understood");
  }
  const { type, room, name, key, after, id, text } = parseObject(data);
  if (type === "join") {
    return {
      type,
      room: readName("room", room).toLowerCase(),
      name: readName("name", name),
      key: readToken("key", key),
      after: after === "" ? after : readToken("after", after),
    };
  }
  if (type === "say") {
    return { type, id: readToken("id", id), text: readText(text) };
  }
  if (type === "ping") return { type };
  throw notUnderstood("type");
}

/** What makes two names the same: `Ann`, `ann` and the like of them. */
export function foldName(name: string): string {
  return name.normalize("NFKC").toLowerCase()
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
}

function parseObject(data: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw notUnderstood("JSON");
  }
  if (typeof value !== "object" || value === null) throw notUnderstood("JSON");
  return value as Record<string, unknown>;
}

// What is not seen, or turns the direction of what stands beside it: controls,
// formats, fillers such as U+3164, and Braille's blank.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
// An emoji may be of several, which are joined by some of these.
const EMOJI = /\p{RGI_Emoji}/gv;
// Marks that stand on nothing, or cover the lines above and below.
const MARKS = /(?:^|\s)\p{M}|\p{M}{5}/u;

function readName(field: "name" | "room", value: unknown): string {
  if (typeof value !== "string") throw notUnderstood(field);
  const name = value.normalize().trim().replace(/\s+/g, " ");
  const fits = name.length > 0 && name.length <= NAME_LENGTH;
  const letters = name.replace(EMOJI, "");
  if (!fits || UNSEEN.test(letters) || MARKS.test(letters)) {
    throw new Refusal(ChatClose.BadName, `The ${field} cannot be used`);
  }
  return name;
}

function readText(value: unknown): string {
  if (typeof value !== "string") throw notUnderstood("text");
  if (value.length > TEXT_LENGTH) {
    throw new Refusal(ChatClose.Refused, "Text too long");
  }
  const text = value.toWellFormed().trim();
  if (text === "") throw notUnderstood("text");
  return text;
}

function readToken(field: string, value: unknown): string {
  if (typeof value !== "string" || !/^[\w-]{8,64}$/.test(value)) {
    throw notUnderstood(field);
  }
  return value;
}

function notUnderstood(what: string): Refusal {
  return new Refusal(ChatClose.Refused, `Bad ${what}`);
}
