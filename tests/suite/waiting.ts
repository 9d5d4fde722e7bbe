import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { UnsupportedError } from "../../src/errors.ts";
import { PreparedMessage } from "../../src/prepared.ts";
import { behaviours, block, type Fixture, turn } from "./fixture.ts";

/** Signals and deadlines of writes; those of reads are with the reads. */
export function waiting(fixture: Fixture): void {
  const it = behaviours(fixture);
  const own = new Error("own");

  it("a signal that is aborted already sends nothing", async ({ conn, peer }) => {
    const signal = AbortSignal.abort(own);
    const prepared = new PreparedMessage(1, "no");
    for (
      const write of [
        conn.send("no", { signal }),
        conn.writeMessage(1, "no", { signal }),
        conn.writeMessage(8, "", { signal }),
        conn.writeJSON("no", { signal }),
        conn.writePreparedMessage(prepared, { signal }),
      ]
    ) assertEquals(await write.catch((e) => e), own);
    await conn.send("yes", { signal: new AbortController().signal });
    assertEquals(await peer.nextText(), [1, "yes"]);
  });

  it("control frames are checked before signals and deadlines", async ({ conn }) => {
    const signal = AbortSignal.abort(own);
    const past = new Date(0);
    const half = new Uint8Array([1]);
    assertThrows(() => conn.writeMessage(8, half, { signal }), RangeError);
    assertThrows(() => conn.writeMessage(9, "x".repeat(126), { signal }));
    assertThrows(() => conn.writeControl(8, half, past), RangeError);
    for (const type of [9, 10] as const) {
      const calls: (() => unknown)[] = [
        () => conn.writeMessage(type, "x", { signal }),
        () => conn.writeControl(type, "x", past),
        () => conn.nextWriter(type, { signal }),
      ];
      for (const call of calls) {
        if (!conn.capabilities.ping) assertThrows(call, UnsupportedError);
        else await settle(call());
      }
    }
    assertEquals(conn.state, "open");
  });

  it("a deadline that is no date is refused at once", async ({ conn }) => {
    const refuse = () => {
      for (const at of [5, "soon", {}, true].map((at) => at as never)) {
        for (
          const set of [
            () => conn.writeControl(8, "", at),
            () => conn.setReadDeadline(at),
            () => conn.setWriteDeadline(at),
          ]
        ) assertThrows(set, TypeError, "the deadline must be a Date, got ");
      }
      assertThrows(() => conn.setReadDeadline(undefined as never), TypeError);
      assertThrows(() => conn.writeControl(8, "", null as never), TypeError);
    };
    refuse();
    conn.terminate();
    await conn.closed;
    refuse();
  });

  it("a signal that is none is refused at once, whatever the state", async ({ conn, peer }) => {
    const prepared = new PreparedMessage(1, "no");
    const wrong = [null, 5, {}, { aborted: false }, new AbortController()]
      .map((signal) => ({ signal }) as never);
    const refuse = async () => {
      for (const options of wrong) {
        for (
          const write of [
            () => conn.send("no", options),
            () => conn.writeMessage(2, "no", options),
            () => conn.writeMessage(8, "", options),
            () => conn.writeJSON("no", options),
            () => conn.writePreparedMessage(prepared, options),
            () => conn.nextWriter(1, options),
            () => conn.ping("no", options),
          ]
        ) {
          assertThrows(
            write,
            TypeError,
            "Cannot use option signal: it must be",
          );
        }
        for (
          const read of [
            () => conn.readMessage(options),
            () => conn.nextReader(options),
            () => conn.readJSON(options),
          ]
        ) await assertRejects(read, TypeError, "Cannot use option signal");
      }
    };
    await refuse();
    // Another realm's, or a polyfill's.
    const { signal } = new AbortController();
    const alike = {
      aborted: false,
      addEventListener: signal.addEventListener.bind(signal),
      removeEventListener: signal.removeEventListener.bind(signal),
    };
    await conn.send("yes", { signal: alike as AbortSignal });
    assertEquals(await peer.nextText(), [1, "yes"]);
    conn.terminate();
    await conn.closed;
    await refuse();
  });

  it("a signal withdraws a message that waits", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    const abort = new AbortController();
    const { signal } = abort;
    const withdrawn = [
      conn.send("no", { signal }),
      conn.send(new Uint8Array(300_000), { signal }),
      conn.writePreparedMessage(new PreparedMessage(1, "no"), { signal }),
    ];
    const kept = conn.send("yes");
    abort.abort(own);
    for (const write of withdrawn) {
      assertEquals(await write.catch((e) => e), own);
    }
    await unblock();
    assertEquals(await peer.nextText(), [1, "yes"]);
    await kept;
    assertEquals(conn.state, "open");
  });

  it(
    "a signal fails the connection once a message is under way",
    async ({ conn, peer, inFlight }) => {
      peer.pause();
      const abort = new AbortController();
      const sent = conn.send(new Uint8Array(inFlight + 1_000_000), {
        signal: abort.signal,
      });
      await turn();
      await turn();
      abort.abort(own);
      assertEquals(await sent.catch((e) => e), own);
      const error = await assertRejects(() => conn.readMessage(), Error);
      assertEquals(error.cause, own);
      peer.destroy();
      const info = await conn.closed;
      assertEquals([info.code, info.cause], [1006, error]);
    },
    { needs: ["writeLimit", "terminate"], closeTimeout: 60_000 },
  );

  it("a signal that aborts later leaves what is sent alone", async ({ conn, peer }) => {
    const abort = new AbortController();
    await conn.send("sent", { signal: abort.signal });
    abort.abort(own);
    conn.send("open");
    assertEquals(await peer.nextText(), [1, "sent"]);
    assertEquals(await peer.nextText(), [1, "open"]);
  });

  it("setWriteDeadline() in the past rejects writes", async ({ conn, peer }) => {
    conn.setWriteDeadline(new Date(Date.now() - 1));
    const error = await assertRejects(() => conn.send("no"), DOMException);
    assertEquals(error.name, "TimeoutError");
    conn.setWriteDeadline(new Date(Date.now() + 60_000));
    await conn.send("later");
    conn.setWriteDeadline(null);
    await conn.send("never");
    assertEquals(await peer.nextText(), [1, "later"]);
    assertEquals(await peer.nextText(), [1, "never"]);
    let thrown: unknown;
    try {
      conn.setWriteDeadline(new Date(NaN));
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof RangeError);
  });

  it("setWriteDeadline() withdraws messages that wait", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    conn.setWriteDeadline(new Date(Date.now() + 60_000));
    const late = conn.send("no");
    conn.setWriteDeadline(new Date(Date.now() + 5));
    const error = await assertRejects(() => late, DOMException);
    assertEquals(error.name, "TimeoutError");
    conn.setWriteDeadline(null);
    const kept = conn.send("yes");
    peer.resume();
    let text: string;
    do [, text] = await peer.nextText(); while (text.length > 10);
    assertEquals(text, "yes");
    await kept;
    void unblock;
  });

  it(
    "setWriteDeadline() fails the connection in the middle of a message",
    async ({ conn, peer, inFlight }) => {
      peer.pause();
      const sent = conn.send(new Uint8Array(inFlight + 1_000_000));
      conn.setWriteDeadline(new Date(Date.now() + 5));
      const late = await assertRejects(() => sent, DOMException);
      assertEquals(late.name, "TimeoutError");
      const info = await conn.closed;
      assertEquals(info.code, 1006);
      assertEquals((info.cause as Error).cause, late);
    },
    { needs: ["writeLimit", "terminate"], closeTimeout: 50 },
  );

  it(
    "setWriteDeadline() covers an open writer",
    async ({ conn, peer, inFlight }) => {
      peer.pause();
      const writer = conn.nextWriter(2).getWriter();
      const written = writer.write(new Uint8Array(inFlight + 1_000_000));
      await turn();
      conn.setWriteDeadline(new Date(Date.now() + 5));
      const late = await assertRejects(() => written, DOMException);
      assertEquals(late.name, "TimeoutError");
      assertEquals((await conn.closed).code, 1006);
    },
    { needs: ["streaming", "terminate"], closeTimeout: 50 },
  );

  it(
    "setWriteDeadline() in the past ends an open writer",
    async ({ conn, peer }) => {
      const writer = conn.nextWriter(2).getWriter();
      await writer.write("a");
      await peer.next();
      conn.setWriteDeadline(new Date(0));
      const late = await assertRejects(() => writer.close(), DOMException);
      assertEquals(late.name, "TimeoutError");
      assertEquals((await peer.nextClose())[0], 1011);
    },
    { needs: ["streaming", "terminate"] },
  );
}

/** Waits for a call that was given up before it began. */
async function settle(result: unknown): Promise<void> {
  if (result instanceof Promise) await assertRejects(() => result);
  else await assertRejects(() => (result as WritableStream).close());
}
