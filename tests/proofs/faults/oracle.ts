/** What the ends of a session must have seen, by what the link has carried. */

import { CloseError } from "../../../src/close.ts";
import { CloseSentError, DialError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import { DIRECTIONS, type Fault } from "./faulty_link.ts";
import type { Landmarks, Profile } from "./landmarks.ts";
import { BYE, MESSAGES, type Seen } from "./session.ts";
import type { Run } from "./stage.ts";

/** What is wrong with a run, in words; nothing if all is right. */
export function judge(run: Run, profile: Profile): string[] {
  const { plan, link, client, server } = run;
  const fault = plan?.fault;
  const faults: string[] = [];
  if (plan !== undefined && !link.fired) faults.push("the fault did not come");

  const toClient = link.carried("to the client");
  const toServer = link.carried("to the server");
  const answer = profile["to the client"];
  const request = profile["to the server"];
  // What has come whole is told by the profile, so all sessions have its bytes.
  for (const direction of DIRECTIONS) {
    const carried = link.carried(direction);
    const { total } = profile[direction];
    if (carried > total) {
      faults.push(
        `${carried} bytes went ${direction}, where there are ${total}`,
      );
    }
  }
  // A reset may overtake what was carried before, also one of the other end.
  const isSure = (end: "client" | "server") =>
    fault !== "reset" && !link.reset.has(end);
  const answered = toClient >= answer.head;
  if (answered && isSure("client") && client === undefined) {
    faults.push(`the dial rejected: ${run.dialError}`);
  }
  if (client === undefined && !isDialEnd(run.dialError, fault)) {
    faults.push(`the dial rejected with ${show(run.dialError)}`);
  }
  if (client !== undefined) {
    if (!answered) faults.push("the dial fulfilled without an answer");
    faults.push(
      ...judgeEnd("client", client, fault, toClient, answer, isSure("client")),
    );
  }

  // Where only the request has come whole, there may be one.
  if (answered && server === undefined) {
    faults.push("the server has no connection");
  }
  if (server !== undefined) {
    if (toServer < request.head) {
      faults.push("the server has a connection without a request");
    }
    faults.push(
      ...judgeEnd("server", server, fault, toServer, request, isSure("server")),
    );
  }
  for (const error of run.reported) {
    if (fault === "stall" && isTimeout(error)) continue;
    faults.push(`onError was told ${show(error)}`);
  }
  return faults;
}

/** One end, that has been sent so many bytes. */
function judgeEnd(
  name: string,
  seen: Seen,
  fault: Fault | undefined,
  carried: number,
  { messages, total }: Landmarks,
  isSure: boolean,
): string[] {
  const faults: string[] = [];
  const check = (what: string, actual: unknown, ...wanted: unknown[]) => {
    if (wanted.includes(actual)) return;
    faults.push(`${name}: ${what} is ${show(actual)}, not ${wanted.map(show)}`);
  };
  const arrived = messages.filter((end) => end <= carried).length;
  if (isSure) check("count of messages", seen.received.length, arrived);
  else check("surplus of messages", seen.received.length > arrived, false);
  for (const [i, message] of seen.received.entries()) {
    check(`message ${i} as sent`, isSame(message, MESSAGES[i]), true);
  }

  check("count of ends", seen.infos.length, 1);
  const [info] = seen.infos;
  if (info === undefined) return faults;
  const { closeHandshake } = seen.conn.capabilities;
  // What this side has sent stands for the answer.
  const alone = seen.closing && !closeHandshake;
  const saidGoodBye = alone || carried >= total;
  const codes = saidGoodBye ? isSure ? [1000] : [1000, 1006] : [1006];
  check("code", info.code, ...codes);
  const clean = info.code === BYE.code;
  check("wasClean", info.wasClean, clean && !alone);
  // An echo has the reason, or none.
  if (!clean) check("reason", info.reason, "");
  else if (!seen.closing) check("reason", info.reason, BYE.reason);
  else check("reason", info.reason, "", BYE.reason);
  check(
    "initiator",
    info.initiator,
    seen.closing
      ? "local"
      : clean
      ? "remote"
      : fault === "stall"
      ? "local"
      : "network",
  );
  check(
    `a time-out in ${show(info.cause)}`,
    isTimeout(info.cause),
    fault === "stall" && !clean,
  );

  // Reads tell the end, or the local fault that is behind it.
  const { error } = seen;
  if (error instanceof CloseError) {
    check("code of reads", error.code, info.code);
  } else {
    check(`a time-out in ${show(error)}`, isTimeout(error), true);
    check("the cause", info.cause, error);
  }
  if (seen.after === undefined) return [...faults, `${name}: never finished`];
  const { read, write, ping, close, state } = seen.after;
  check("the next read", read, error);
  check(`a late write: ${show(write)}`, isLate(write, info.cause), true);
  if (seen.conn.capabilities.ping) {
    check(`a late ping: ${show(ping)}`, isLate(ping, info.cause), true);
  }
  check("a late close", close, info);
  check("state", state, "closed");
  return faults;
}

function isDialEnd(error: unknown, fault: Fault | undefined): boolean {
  switch (fault) {
    case "fin":
      return error instanceof DialError && error.phase === "http";
    case "reset":
      return error instanceof DialError &&
        (error.phase === "http" || error.phase === "connect");
    case "half-close":
      // A server may answer what it takes for a bad request.
      return error instanceof DialError && error.phase === "http" ||
        error instanceof BadHandshakeError && error.response.status === 400;
    case "stall":
      return isTimeout(error);
    default:
      return false;
  }
}

function isSame(
  message: string | Uint8Array,
  sent: string | Uint8Array | undefined,
): boolean {
  if (typeof message === "string" || typeof sent === "string") {
    return message === sent;
  }
  return message.length === sent?.length &&
    message.every((byte, i) => byte === sent[i]);
}

/** Whether a call behind the end may reject so. */
function isLate(error: unknown, cause: unknown): boolean {
  return error instanceof CloseError || error instanceof CloseSentError ||
    error === cause && isTimeout(error);
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function show(value: unknown): string {
  return value instanceof Error
    ? `${value} ${show(value.cause ?? "")}`
    : String(value);
}
