import type { SessionReceiver } from "../../../src/protocol/assembler.ts";
import { Session } from "../../../src/protocol/session.ts";
import { clientFrame, letters } from "../load/frames.ts";
import { sizeLabel } from "../plan.ts";
import { bench } from "./bench.ts";
import { TUNING } from "./tuning.ts";

const CHUNK = 65_536;

/** Looks at what comes, and keeps nothing. */
class Sink implements SessionReceiver {
  bytes = 0;

  message(_type: 1 | 2, data: string | Uint8Array): void {
    this.bytes += data.length;
  }

  messageStart(): void {}

  messageData(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return true;
  }

  messageEnd(): void {}
  ping(): void {}
  pong(): void {}
  close(): void {}

  fail(error: Error): void {
    throw error;
  }
}

for (const [type, opcode] of [["binary", 2], ["text", 1]] as const) {
  for (const size of [16, 64, 1024, 16_384]) {
    whole(
      `${sizeLabel(size)} ${type}`,
      clientFrame(0x80 | opcode, letters(size)),
    );
  }
}
// Fragments of a message that has begun, and never ends.
whole(
  "1 B fragments",
  clientFrame(0x00, letters(1)),
  clientFrame(2, letters(1)),
);
whole("pings", clientFrame(0x89, letters(4)));

/** A chunk full of frames. */
function whole(
  name: string,
  frame: Uint8Array<ArrayBuffer>,
  before?: Uint8Array<ArrayBuffer>,
): void {
  const count = Math.floor(CHUNK / frame.length);
  const frames = new Uint8Array(count * frame.length);
  for (let i = 0; i < count; i++) frames.set(frame, i * frame.length);
  const sink = new Sink();
  const session = new Session(
    {
      side: "server",
      mask: () => 0,
      readLimit: Infinity,
      rsv1: false,
      tuning: TUNING,
    },
    sink,
  );
  if (before !== undefined) session.decoder.push(before);
  bench("session.push() of 64 KiB", `${count} frames: ${name}`, () => {
    // It is unmasked in place, so each run has a chunk of its own.
    session.decoder.push(frames.slice());
    return sink.bytes;
  });
}
