import { assertEquals } from "@std/assert";

import {
  giveBack,
  givesBack,
  lend,
  PieceStream,
} from "../../../src/conn/recycling.ts";
import { test } from "../../support/helper.ts";

/** A stream of so many pieces, and what it lent of them. */
function pieces(count: number): { stream: PieceStream; lent: boolean[] } {
  const lent: boolean[] = [];
  const stream: PieceStream = new PieceStream({
    pull(controller) {
      lent.push(stream.lends);
      controller.enqueue(new Uint8Array(1));
      if (lent.length === count) controller.close();
    },
  });
  return { stream, lent };
}

test("PieceStream lends to a writer that gives back, as long as it is piped", async () => {
  const { stream, lent } = pieces(3);
  const sink: WritableStream<Uint8Array> = givesBack(new WritableStream());
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
  await stream.pipeTo(sink);
  assertEquals(lent, [false, true, true]);
  assertEquals(stream.lends, false);
});

test("PieceStream lends to no other writer, and to no reader", async () => {
  const piped = pieces(2);
  await piped.stream.pipeTo(new WritableStream());
  assertEquals(piped.lent, [false, false]);

  const through = pieces(2);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const sink: WritableStream<Uint8Array> = givesBack(new WritableStream());
  await through.stream.pipeThrough({ readable, writable }).pipeTo(sink);
  assertEquals(through.lent, [false, false]);

  const teed = pieces(2);
  const [left, right] = teed.stream.tee();
  await Promise.all([
    left.pipeTo(givesBack(new WritableStream())),
    right.pipeTo(givesBack(new WritableStream())),
  ]);
  assertEquals(teed.lent, [false, false]);
});

test("PieceStream.pipeTo() rejects as any stream's, and lends no more", async () => {
  const { stream, lent } = pieces(3);
  const fault = new Error("fault");
  const sink: WritableStream<Uint8Array> = givesBack(
    new WritableStream({
      write() {
        throw fault;
      },
    }),
  );
  const error = await stream.pipeTo(sink, { preventCancel: true })
    .catch((error: unknown) => error);
  assertEquals(error, fault);
  assertEquals(stream.lends, false);
  assertEquals(lent[0], true);
});

test("giveBack() gives a lent piece back once, and nothing else", () => {
  const back: Uint8Array[] = [];
  const piece = new Uint8Array(1);
  lend(piece, (spent) => back.push(spent));
  giveBack(new Uint8Array(1));
  giveBack("text");
  giveBack(undefined);
  assertEquals(back, []);
  giveBack(piece);
  giveBack(piece);
  assertEquals(back.length, 1);
});
