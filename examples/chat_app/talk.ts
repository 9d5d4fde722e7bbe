import { CloseCode, type Conn } from "../../mod.ts";
import type { Limits } from "./limits.ts";
import { Member } from "./member.ts";
import { ChatClose, type Join, parseCommand, Refusal } from "./protocol.ts";
import { RateLimit } from "./rate_limit.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";

/** Serves one page, from its join to its end. */
export async function talk(
  conn: Conn,
  rooms: Rooms,
  limits: Limits,
): Promise<void> {
  try {
    const { room: name, after, ...who } = await readJoin(conn, limits);
    const room = rooms.room(name);
    const member = new Member(conn, who.name, who.key);
    try {
      await room.enter(member, after);
      await listen(conn, room, member, limits);
    } finally {
      room.leave(member);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await conn.close(error.code, error.message);
  }
}

async function readJoin(conn: Conn, limits: Limits): Promise<Join> {
  conn.setReadDeadline(new Date(Date.now() + limits.joinTime));
  try {
    const command = parseCommand((await conn.readMessage()).data);
    if (command.type === "join") return command;
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    if (!late) throw error;
  } finally {
    conn.setReadDeadline(null);
  }
  throw new Refusal(CloseCode.PolicyViolation, "Join first");
}

/** Does what the page asks for, until it goes. */
async function listen(
  conn: Conn,
  room: Room,
  member: Member,
  limits: Limits,
): Promise<void> {
  const rate = new RateLimit(
    limits.burst,
    limits.perSecond,
    performance.now(),
  );
  let tooFast = 0;
  for await (const { data } of conn) {
    const wait = rate.take(performance.now());
    tooFast = wait > 0 ? tooFast + 1 : 0;
    // Once is enough, until the page has been slow enough.
    if (tooFast === 1) member.send({ type: "slow" });
    // Who is not read is stopped by TCP: nothing is lost, it only comes later.
    if (wait > 0) await sleep(wait);
    if (tooFast > limits.tooFast) {
      throw new Refusal(ChatClose.Refused, "Too many messages");
    }

    const command = parseCommand(data);
    if (command.type === "say") await room.say(member, command);
    else if (command.type === "ping") member.send({ type: "pong" });
    else throw new Refusal(ChatClose.Refused, "Joined already");
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
