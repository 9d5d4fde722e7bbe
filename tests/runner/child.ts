/** Runs another program as a part of the test run. */

/** What {@linkcode runChild} takes beside the command. */
export interface ChildOptions {
  /** Milliseconds after which the child is killed. */
  timeout: number;
  /** Whether its output is thrown away instead of shown. Default false. */
  quiet?: boolean;
}

/** How a child has ended: `undefined` when it had to be killed. */
export type ExitCode = number | undefined;

/** Runs `command` in the root of the checkout until it ends. */
export async function runChild(
  command: readonly string[],
  options: ChildOptions,
): Promise<ExitCode> {
  const [program = "", ...args] = command;
  const output = options.quiet ? "null" : "inherit";
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
  const { code } = await child.status;
  clearTimeout(timer);
  return killed ? undefined : code;
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
