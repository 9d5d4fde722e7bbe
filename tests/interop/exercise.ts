/** The platform's WebSocket client in front of our server. */

import { bytesOf, digest, textOf } from "./payloads.ts";

/** What a client does. */
export interface Plan {
  /** The server's URL, without a path. */
  readonly url: string;
  /** The sizes of the messages. */
  readonly sizes: readonly number[];
  /** The size of a binary message that is sent beside. */
  readonly large: number;
  /** Whether the server sends a ping. */
  readonly pinged: boolean;
  /** Whether the client does. */
  readonly pings: boolean;
  /** What the client closes with. */
  readonly own: readonly End[];
  /** What the server is asked to close with. */
  readonly remote: readonly End[];
}

/** A close code and its reason. */
export type End = readonly [code: number, reason: string];

/** What a client has seen. */
export interface Seen {
  readonly protocol: string;
  /** The name of the extension that was agreed on. */
  readonly extension: string;
  /** Digests of what the echo has sent back, the large message's last. */
  readonly echoed: readonly string[];
  /** The same of what the server has sent in fragments, none of it large. */
  readonly pieced: readonly string[];
  /** What the server tells of its ping and of the client's. */
  readonly pings: readonly string[];
  /** Ends of connections that the client closes, code by code. */
  readonly own: readonly string[];
  /** Those of connections that the server closes. */
  readonly remote: readonly string[];
}

/** Of Bun's client, beyond the platform's. */
interface Pinging {
  ping(data: string): void;
}

/**
 * Does everything, and tells what it has seen. It runs on Deno, on Bun, and in
 * a page, where it is sent to as source.
 */
export async function exercise(plan: Plan): Promise<Seen> {
  async function open(path: string, protocols: string[] = []) {
    const socket = new WebSocket(plan.url + path, protocols);
    const ended = Promise.withResolvers<string>();
    const opened = Promise.withResolvers<void>();
    const messages: (string | ArrayBuffer | Blob)[] = [];
    let wake = () => {};
    let over = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => opened.resolve();
    socket.onmessage = ({ data }) => {
      messages.push(data);
      wake();
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      const end = `${code} ${reason} ${wasClean ? "clean" : "not clean"}`;
      over = true;
      opened.reject(new Error(`Cannot open ${path}: ${end}`));
      ended.resolve(end);
      wake();
    };
    await opened.promise;
    return {
      socket,
      ended: ended.promise,
      async next(): Promise<string | Uint8Array> {
        while (messages.length === 0) {
          if (over) throw new Error(`Cannot read: ${await ended.promise}`);
          await new Promise<void>((resolve) => wake = resolve);
        }
        const data = messages.shift()!;
        if (typeof data === "string") return data;
        const blob = data instanceof Blob;
        return new Uint8Array(blob ? await data.arrayBuffer() : data);
      },
      async close(code = 1000, reason = ""): Promise<string> {
        socket.close(code, reason);
        return await ended.promise;
      },
    };
  }

  /** Two messages of each size to and fro, and a large one. */
  async function echoes(
    path: string,
    kind: BinaryType,
    large: number,
  ): Promise<string[]> {
    const { socket, next, close } = await open(path);
    const back: string[] = [];
    socket.binaryType = kind;
    for (const size of plan.sizes) {
      const bytes = bytesOf(size);
      socket.send(textOf(size));
      socket.send(kind === "blob" ? new Blob([bytes]) : bytes);
      back.push(digest(await next()), digest(await next()));
    }
    socket.send(bytesOf(large));
    back.push(digest(await next()));
    await close();
    return back;
  }

  const first = await open("/", ["c", "b", "a"]);
  const { protocol, extensions } = first.socket;
  await first.close();

  const echoed = await echoes("/", "arraybuffer", plan.large);
  const pieced = await echoes("/fragments", "blob", 0);

  const pings: string[] = [];
  const pinged = await open("/pings");
  if (plan.pinged) pings.push(String(await pinged.next()));
  if (plan.pings) {
    (pinged.socket as unknown as Pinging).ping("from the client");
    pings.push(String(await pinged.next()));
  }
  await pinged.close();

  const own: string[] = [];
  for (const [code, reason] of plan.own) {
    own.push(await (await open("/own")).close(code, reason));
  }
  const remote: string[] = [];
  for (const [code, reason] of plan.remote) {
    const query = new URLSearchParams({ code: String(code), reason });
    remote.push(await (await open(`/close?${query}`)).ended);
  }
  const extension = extensions.split(";")[0]!;
  return { protocol, extension, echoed, pieced, pings, own, remote };
}
