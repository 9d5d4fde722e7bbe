import { join, show } from "../../../unit/protocol/recorder.ts";
import { chooseChunking } from "../chunks.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";
import {
  LIMITS,
  SETTINGS,
  type Settings,
  settingsOf,
} from "./session_settings.ts";
import { type MakeSession, sessionLike, trySession } from "./session_trial.ts";
import { smallerFrames } from "./smaller_frames.ts";

/** Makes a target of sessions, whose wire bytes come from `generate`. */
export function sessionTarget(
  name: string,
  about: string,
  generate: (random: Random, side: Settings["side"]) => Uint8Array,
  make: MakeSession = sessionLike,
): Target {
  return {
    name,
    about,
    settings: SETTINGS,
    generate(random) {
      const flags = random.below(128) & (random.oneIn(2) ? 0x47 : 0x7f);
      const bytes = generate(random, flags & 1 ? "client" : "server");
      const input = new Uint8Array(SETTINGS + bytes.length);
      input[0] = flags;
      input[1] = random.oneIn(2) ? 0 : random.below(LIMITS.length);
      input[2] = chooseChunking(random);
      input[3] = random.oneIn(3) ? random.below(256) : 0;
      input.set(bytes, SETTINGS);
      return input;
    },
    check: (input) => trySession(input, make),
    *smaller(input) {
      for (const wire of smallerFrames(input.subarray(SETTINGS))) {
        yield join([input.subarray(0, SETTINGS), wire]);
      }
    },
    describe(input) {
      const { chunking, ...rest } = settingsOf(input);
      const flags = Object.entries(rest)
        .filter(([, value]) => value !== false && value !== 0)
        .map(([key, value]) => value === true ? key : `${key} ${value}`);
      return `${flags.join(", ")}, ${chunking}: ${
        show(input.subarray(SETTINGS, SETTINGS + 200))
      }`;
    },
  };
}
