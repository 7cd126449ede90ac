/** How often fast-check tries, and what it repeats. */
export interface Replayable {
  readonly numRuns: number;
  readonly seed: number;
  readonly path?: string;
  readonly endOnFailure?: boolean;
}

/**
 * Options of a property: a fresh seed, unless the environment asks for a failure to be repeated.
 *
 * `FC_SEED` and `FC_PATH` are what a failure prints; `FC_RUNS` is how many runs there are.
 */
export function replayable(numRuns: number, env: NodeJS.ProcessEnv = process.env): Replayable {
  const { FC_RUNS, FC_SEED, FC_PATH } = env;
  const seed = FC_SEED === undefined ? Date.now() % 2 ** 31 : Number(FC_SEED);
  const runs = FC_RUNS === undefined ? numRuns : Number(FC_RUNS);
  if (!Number.isInteger(seed) || !Number.isInteger(runs)) {
    throw new RangeError(`FC_SEED and FC_RUNS must be whole numbers; got ${seed} and ${runs}`);
  }
  if (FC_PATH === undefined) return { numRuns: runs, seed };
  return { numRuns: runs, seed, path: FC_PATH, endOnFailure: true };
}

/** Where a failed sequence of commands is taken up again; `FC_REPLAY` is the `replayPath` that it prints. */
export function replayPath(env: NodeJS.ProcessEnv = process.env): { replayPath?: string } {
  const { FC_REPLAY } = env;
  return FC_REPLAY === undefined ? {} : { replayPath: FC_REPLAY };
}
