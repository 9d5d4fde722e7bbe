/** Loops for ever, under the eyes of the watchdog. */

import { Watched } from "./progress.ts";

const watched = new Watched(6455, ["other", "toy"], 300);
watched.input(1, 77);
for (;;);
