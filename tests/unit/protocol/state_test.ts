import { assertEquals } from "@std/assert";
import {
  ConnectionState,
  type Receiving,
  type Sending,
} from "../../../src/protocol/state.ts";
import { test } from "../../support/helper.ts";

type Event =
  | "closeQueued"
  | "closeSent"
  | "closeWritten"
  | "streamEnded"
  | "cut"
  | "closeReceived"
  | "fail"
  | "peerEnded"
  | "over";

/** What leads to each state of a direction. */
const SENDING: Record<Sending, readonly Event[]> = {
  open: [],
  closing: ["closeQueued"],
  closeSent: ["closeSent"],
  closeWritten: ["closeSent", "closeWritten"],
  ended: ["closeSent", "closeWritten", "streamEnded"],
  cut: ["cut"],
};
const RECEIVING: Record<Exclude<Receiving, "over">, readonly Event[]> = {
  open: [],
  closeReceived: ["closeReceived"],
  failed: ["fail"],
  ended: ["closeReceived", "peerEnded"],
};

/** Every state that can be, by name. */
const STATES: Record<string, () => ConnectionState> = {};
for (const [sending, sent] of Object.entries(SENDING)) {
  for (const [receiving, received] of Object.entries(RECEIVING)) {
    STATES[`${sending} ${receiving}`] = () => after([...sent, ...received]);
  }
}
STATES["cut over"] = () => after(["over"]);

function after(events: readonly Event[]): ConnectionState {
  const state = new ConnectionState();
  for (const event of events) state[event]();
  return state;
}

function nameOf({ sending, receiving }: ConnectionState): string {
  return `${sending} ${receiving}`;
}

/** The names of the states of which something is so. */
function where(predicate: (state: ConnectionState) => boolean): string[] {
  return Object.entries(STATES).filter(([, make]) => predicate(make())).map((
    [name],
  ) => name);
}

test("connectionState: the events lead to every state", () => {
  assertEquals(
    Object.values(STATES).map((make) => nameOf(make())),
    Object.keys(STATES),
  );
});

test("connectionState: each event changes what its row in the table says", () => {
  const sending: Partial<Record<Event, Partial<Record<string, Sending>>>> = {
    closeQueued: { open: "closing" },
    closeSent: { open: "closeSent", closing: "closeSent" },
    closeWritten: { closeSent: "closeWritten" },
    streamEnded: { closeWritten: "ended" },
  };
  const receiving: Partial<Record<Event, Partial<Record<string, Receiving>>>> =
    {
      closeReceived: { open: "closeReceived" },
      fail: { open: "failed", closeReceived: "failed", ended: "failed" },
      peerEnded: { closeReceived: "ended" },
    };
  for (const [name, make] of Object.entries(STATES)) {
    const [from, peer] = name.split(" ") as [Sending, Receiving];
    for (
      const event of [
        "closeQueued",
        "closeSent",
        "closeWritten",
        "streamEnded",
        "cut",
        "closeReceived",
        "fail",
        "peerEnded",
        "over",
      ] as const
    ) {
      const cuts = event === "cut" || event === "over";
      const own = cuts ? "cut" : sending[event]?.[from] ?? from;
      const others = event === "over"
        ? "over"
        : receiving[event]?.[peer] ?? peer;
      const state = make();
      state[event]();
      assertEquals(nameOf(state), `${own} ${others}`, `${name}, ${event}`);
    }
  }
});

test("connectionState.maySendData holds until our close frame or a failure", () => {
  assertEquals(where((state) => state.maySendData), [
    "open open",
    "open closeReceived",
    "open ended",
    "closing open",
    "closing closeReceived",
    "closing ended",
  ]);
});

test("connectionState.maySendControl holds until our close frame waits", () => {
  assertEquals(where((state) => state.maySendControl), [
    "open open",
    "open closeReceived",
    "open ended",
  ]);
});

test("connectionState.maySendClose and mayWrite hold until our close frame, and to its end", () => {
  assertEquals(
    where((state) => state.maySendClose),
    Object.keys(STATES).filter((name) => /^(open|closing) /.test(name)),
  );
  assertEquals(
    where((state) => state.mayWrite),
    Object.keys(STATES).filter((name) =>
      /^(open|closing|closeSent) /.test(name)
    ),
  );
});

test("connectionState.isFailed and isPeerDone tell what cannot come any more", () => {
  assertEquals(
    where((state) => state.isFailed),
    Object.keys(STATES).filter((name) => /(failed|over)$/.test(name)),
  );
  assertEquals(
    where((state) => state.isPeerDone),
    Object.keys(STATES).filter((name) => /(ended|over)$/.test(name)),
  );
});

test("connectionState.mayEndStream() lets the server end TCP first", () => {
  assertEquals(where((state) => state.mayEndStream("server")), [
    "closeWritten closeReceived",
    "closeWritten failed",
    "closeWritten ended",
  ]);
  // A client that has failed the connection does not wait for it.
  assertEquals(where((state) => state.mayEndStream("client")), [
    "closeWritten failed",
    "closeWritten ended",
  ]);
});
