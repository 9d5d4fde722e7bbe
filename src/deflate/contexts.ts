import {
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  type InflateRaw,
} from "node:zlib";
import { deflateOptions, type DeflateSettings } from "./zlib_options.ts";

let open = 0;

/** How many zlib contexts all connections hold now. */
export function openContexts(): number {
  return open;
}

/** Makes a context to compress with; {@linkcode freeContext} frees it. */
export function makeDeflate(settings: DeflateSettings): DeflateRaw {
  open++;
  return createDeflateRaw({ ...deflateOptions(settings) });
}

/** Makes a context to inflate with; {@linkcode freeContext} frees it. */
export function makeInflate(windowBits: number): InflateRaw {
  open++;
  return createInflateRaw({ windowBits: Math.max(9, windowBits) });
}

/** Frees a context, once, also in the middle of a message. */
export function freeContext(context: DeflateRaw | InflateRaw): void {
  open--;
  context.destroy();
}
