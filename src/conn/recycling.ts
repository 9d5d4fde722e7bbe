/**
 * A reader's stream that is piped straight into a writer's: nobody else sees the
 * pieces, so their memory goes back to the reader when the writer has sent them,
 * and a message of any size is copied in a few kilobytes.
 */

type Piece = Uint8Array<ArrayBuffer>;

const writers: WeakSet<WritableStream> = new WeakSet();
const owners: WeakMap<Piece, (piece: Piece) => void> = new WeakMap();

/** Makes a stream known as one whose sink gives pieces back. */
export function givesBack<T>(stream: WritableStream<T>): WritableStream<T> {
  writers.add(stream);
  return stream;
}

/** Lends a piece to the writer that it is piped into. */
export function lend(piece: Piece, takeBack: (piece: Piece) => void): void {
  owners.set(piece, takeBack);
}

/** The writer is done with a chunk; of any other chunk, nothing happens. */
export function giveBack(chunk: unknown): void {
  const takeBack = owners.get(chunk as Piece);
  if (takeBack === undefined) return;
  owners.delete(chunk as Piece);
  takeBack(chunk as Piece);
}

/** A stream that knows whether it is piped into a writer that gives back. */
export class PieceStream extends ReadableStream<Piece> {
  #lends = false;

  /** Whether pieces go nowhere but to such a writer. */
  get lends(): boolean {
    return this.#lends;
  }

  override async pipeTo(
    destination: WritableStream<Piece>,
    options?: StreamPipeOptions,
  ): Promise<void> {
    const piped = super.pipeTo(destination, options);
    this.#lends = writers.has(destination);
    try {
      await piped;
    } finally {
      this.#lends = false;
    }
  }
}
