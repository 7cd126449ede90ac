// npm run conformance -- [--of trees|processes] [--histories 2000] [--seed N] [--path P] [--limit-s 3600] | --differences
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { hasErlang, startBeam, type Beam } from './beam.ts';
import { sideBySide } from './compare.ts';
import { differencesFile, differencesPage } from './differences-page.ts';
import { differences } from './differences.ts';
import type { Counts } from './normalised.ts';
import { processes, trees, type Subject, type Tally } from './subjects.ts';

const MISSING = `npm run conformance compares with the real Erlang/OTP, and there is no "erl" here.
Remedy: on Debian or Ubuntu, apt-get install -y --no-install-recommends erlang-base
Elsewhere: any Erlang/OTP 25 with "erl" and "erlc" in the PATH.`;

/** How often a difference must come again before it is believed. */
const CONFIRMATIONS = 2;

interface Options {
  readonly of: string | undefined;
  readonly histories: number;
  readonly seed: number;
  readonly path: string | undefined;
  readonly limitMs: number;
}

class Run<T> implements Tally {
  readonly met: Counts = new Map();
  readonly seen: Counts = new Map();
  unconfirmed = 0;
  played = 0;
  readonly #beam: Beam;
  readonly #subject: Subject<T>;

  constructor(beam: Beam, subject: Subject<T>) {
    this.#beam = beam;
    this.#subject = subject;
  }

  /** Whether a history shows a difference, again and again. */
  async differs(history: T): Promise<boolean> {
    this.played += 1;
    const first = await this.#play(history);
    if (first.same) return false;
    for (let again = 0; again < CONFIRMATIONS; again++) {
      if (!(await this.#play(history)).same) continue;
      this.unconfirmed += 1;
      console.log('A difference that did not come again:');
      console.log(`${this.#subject.readable(history)}\n\n${sideBySide(first.otp, first.ours)}\n`);
      return false;
    }
    return true;
  }

  /** Prints what a history comes to on both sides. */
  async explain(history: T): Promise<void> {
    const verdict = await this.#play(history);
    const { otp, ours } = verdict;
    console.error(`\n${this.#subject.readable(history)}\n\n${sideBySide(otp, ours)}\n`);
    console.error(`Rules that may apply: ${this.#subject.rulesFor(verdict).join(', ')}`);
  }

  #play(history: T) {
    return this.#subject.play(this.#beam, history, this);
  }
}

async function main(): Promise<number> {
  const options = optionsOf();
  if (options === 'differences') {
    writeFileSync(differencesFile, await differencesPage());
    return 0;
  }
  if (!hasErlang()) {
    console.error(MISSING);
    return 2;
  }
  const beam = await startBeam();
  try {
    const isWanted = (name: string): boolean => options.of === undefined || options.of === name;
    const ofTrees = isWanted('trees') ? await check(beam, trees, options) : 0;
    const ofProcesses = isWanted('processes') ? await check(beam, processes, options) : 0;
    return Math.max(ofTrees, ofProcesses);
  } finally {
    await beam.close();
  }
}

async function check<T>(beam: Beam, subject: Subject<T>, options: Options): Promise<number> {
  const { histories, seed, path, limitMs } = options;
  const { name } = subject;
  const run = new Run(beam, subject);
  const started = performance.now();
  console.log(
    `${histories} random histories of ${name} on Erlang/OTP ${beam.release} and ours, seed ${seed}`,
  );
  const property = fc.asyncProperty(subject.histories, async (history) => {
    if (await run.differs(history)) throw new Error('the logs differ');
  });
  const result = await fc.check(property, {
    numRuns: histories,
    seed,
    ...(path === undefined ? {} : { path }),
    interruptAfterTimeLimit: limitMs,
    markInterruptAsFailure: true,
  });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`${run.played} histories of ${name} played in ${seconds} s`);
  report(run);
  if (!result.failed) {
    console.log(`${histories} histories of ${name} agree`);
    return 0;
  }
  if (result.counterexample === null) {
    console.error(`Not done within ${limitMs / 1_000} s. Remedy: --limit-s, or fewer --histories.`);
    return 1;
  }
  await run.explain(result.counterexample[0]);
  console.error(
    `A difference, after ${result.numRuns} histories, shrunk ${result.numShrinks} times. Again: npm run conformance -- --of ${name} --seed ${seed} --path ${result.counterexamplePath}`,
  );
  return 1;
}

function report({ seen, met, unconfirmed }: Tally & { readonly unconfirmed: number }): void {
  console.log(`events: ${textOf(seen)}`);
  if (met.size > 0) console.log(`known differences met: ${textOf(met)}`);
  for (const { id, ours, isFault } of differences) {
    if (isFault !== true) continue;
    console.log(`to be mended: ${id}, met ${met.get(id) ?? 0} times: ${ours}`);
  }
  console.log(`differences that did not come again: ${unconfirmed}`);
}

function optionsOf(): Options | 'differences' {
  const { values } = parseArgs({
    options: {
      of: { type: 'string' },
      histories: { type: 'string', default: '2000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      path: { type: 'string' },
      differences: { type: 'boolean', default: false },
      'limit-s': { type: 'string', default: '3600' },
    },
  });
  if (values.differences) return 'differences';
  const { of } = values;
  if (of !== undefined && of !== 'trees' && of !== 'processes') {
    throw new RangeError(`--of must be trees or processes; got ${JSON.stringify(of)}`);
  }
  return {
    of,
    histories: whole('--histories', values.histories, 1),
    seed: whole('--seed', values.seed, 0),
    path: values.path,
    limitMs: whole('--limit-s', values['limit-s'], 1) * 1_000,
  };
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`${name} must be a whole number ≥ ${least}; got ${JSON.stringify(text)}`);
}

function textOf(counts: Counts): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ');
}

try {
  process.exitCode = await main();
} catch (error) {
  // What was typed wrongly needs no stack; anything else does.
  const isTyped = error instanceof RangeError || (error instanceof TypeError && 'code' in error);
  console.error(isTyped ? error.message : error);
  process.exitCode = 1;
}
