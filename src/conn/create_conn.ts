import { MessageLimitError } from "../peer_errors.ts";
import type { Transport } from "../transport/transport.ts";
import { assembleConn, type Conn } from "./conn.ts";
import type { DataType } from "../message.ts";
import type { Core, CoreParts } from "./core.ts";
import { channels } from "./channels.ts";
import { controlWritable } from "./control_writer.ts";
import { GatheredMessage } from "./gathered_message.ts";
import { pinged, ponged, sendControl } from "./control_frames.ts";
import type { ConnSettings } from "./options.ts";
import { MessageLimit } from "./message_limit.ts";
import { MessageSink } from "./message_writer.ts";
import { QuietWritable } from "./quiet_streams.ts";
import { openPiecesBy } from "./message_reader.ts";
import { givesBack, lend, PieceStream } from "./recycling.ts";
import { measureRoundTrip } from "./round_trip.ts";
import { watchCore } from "./watched.ts";

function openWriter(
  core: Core,
  type: DataType,
  signal: AbortSignal | undefined,
): WritableStream<string | Uint8Array> {
  const { transport, outbound, settings } = core;
  const { writeBufferSize } = settings;
  const sink = new MessageSink(
    type,
    writeBufferSize,
    transport,
    outbound,
    core,
  );
  const stream = new QuietWritable(sink);
  sink.open(signal);
  return givesBack(stream);
}

openPiecesBy((source) => {
  const stream = new PieceStream(source);
  return {
    stream,
    lend(piece, takeBack) {
      if (stream.lends) lend(piece, takeBack);
    },
  };
});

const PARTS: CoreParts = {
  openWriter,
  openControl: controlWritable,
  publishEnd(core, conn, told, info) {
    if (!channels.close.hasSubscribers) return;
    const request = told === true ? undefined : told;
    const duration = performance.now() - core.openedAt;
    channels.close.publish({ conn, request, ...info, duration });
  },
  limitError: ({ perSecond, burst }, what) =>
    new MessageLimitError(perSecond, burst, what),
  gather: (type, size) => new GatheredMessage(type, size),
  makeLimit: (options) => new MessageLimit(options),
  watch: watchCore,
  sendControl,
  pinged,
  ponged,
  measure: measureRoundTrip,
};

/**
 * Makes a Conn over a transport that may have pings.
 *
 * @param transport The transport
 * @param settings The options, checked
 * @returns The connection
 */
export function createConn(transport: Transport, settings: ConnSettings): Conn {
  return assembleConn(transport, settings, PARTS);
}
