/** Runs another program as a part of the test run. */

/** What {@linkcode runChild} takes beside the command. */
export interface ChildOptions {
  /** Milliseconds after which the child is killed. */
  timeout: number;
  /** Whether its output is thrown away instead of shown. Default false. */
  quiet?: boolean;
  /** A file for its output, to be shown later. */
  log?: string | undefined;
}

/** How a child has ended: `undefined` when it had to be killed. */
export type ExitCode = number | undefined;

/** Runs `command` in the root of the checkout until it ends. */
export async function runChild(
  command: readonly string[],
  options: ChildOptions,
): Promise<ExitCode> {
  const [program = "", ...args] = command;
  const log = options.log === undefined
    ? undefined
    : await Deno.create(options.log);
  const output = log ? "piped" : options.quiet ? "null" : "inherit";
  const child = new Deno.Command(program, {
    args,
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
    stdout: output,
    stderr: output,
    env: extraEnv(),
  }).spawn();
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill("SIGKILL");
  }, options.timeout);
  const written = log && collect([child.stdout, child.stderr], log);
  const { code } = await child.status;
  clearTimeout(timer);
  await written;
  return killed ? undefined : code;
}

/** Writes several streams to a file as they come, and closes it. */
async function collect(
  streams: readonly ReadableStream<Uint8Array>[],
  file: Deno.FsFile,
): Promise<void> {
  await Promise.all(streams.map(async (stream) => {
    for await (const chunk of stream) await writeAll(file, chunk);
  }));
  file.close();
}

async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.length > 0;) {
    rest = rest.subarray(await file.write(rest));
  }
}

/** Whether `command` can be started at all. */
export async function canRun(command: readonly string[]): Promise<boolean> {
  try {
    return await runChild(command, { timeout: 60_000, quiet: true }) === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function extraEnv(): Record<string, string> {
  // Bun keeps what it has transpiled; without a home it would do so here.
  const env: Record<string, string> = {
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  };
  if (!Deno.stdout.isTerminal()) env.NO_COLOR = "1";
  return env;
}
