// npm run conformance -- [--histories 2000] [--seed N] [--path P] [--limit-s 3600] | --differences
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { hasErlang, startBeam, type Beam } from './beam.ts';
import { compare, rulesFor, sideBySide, type Verdict } from './compare.ts';
import { differencesFile, differencesPage } from './differences-page.ts';
import { differences } from './differences.ts';
import { scenarios } from './generate.ts';
import { count, type Counts } from './normalised.ts';
import { playOurs } from './ours.ts';
import { readable } from './readable.ts';
import type { Scenario } from './scenario.ts';

const MISSING = `npm run conformance compares with the real Erlang/OTP, and there is no "erl" here.
Remedy: on Debian or Ubuntu, apt-get install -y --no-install-recommends erlang-base
Elsewhere: any Erlang/OTP 25 with "erl" and "erlc" in the PATH.`;

/** How often a difference must come again before it is believed. */
const CONFIRMATIONS = 2;

interface Options {
  readonly histories: number;
  readonly seed: number;
  readonly path: string | undefined;
  readonly limitMs: number;
}

class Run {
  readonly met: Counts = new Map();
  readonly seen: Counts = new Map();
  unconfirmed = 0;
  played = 0;
  readonly #beam: Beam;

  constructor(beam: Beam) {
    this.#beam = beam;
  }

  async play(scenario: Scenario): Promise<Verdict> {
    const [otp, ours] = await Promise.all([this.#beam.play(scenario), playOurs(scenario)]);
    this.#countKinds(otp);
    return compare(scenario, otp, ours, this.met);
  }

  /** Whether a scenario shows a difference, again and again. */
  async differs(scenario: Scenario): Promise<boolean> {
    this.played += 1;
    const first = await this.play(scenario);
    if (first.same) return false;
    for (let again = 0; again < CONFIRMATIONS; again++) {
      if (!(await this.play(scenario)).same) continue;
      this.unconfirmed += 1;
      console.log('A difference that did not come again:');
      console.log(`${readable(scenario)}\n\n${sideBySide(first.otp, first.ours)}\n`);
      return false;
    }
    return true;
  }

  #countKinds(log: readonly string[]): void {
    for (const line of log) {
      const [, kind = ''] = /^(report \S+ \S+|> \S+ [a-z_]+|\S+)/.exec(line) ?? [];
      const short = kind.replace(/^(report|>) \S+ /, '$1 ');
      count(this.seen, short);
    }
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
    return await check(beam, options);
  } finally {
    await beam.close();
  }
}

async function check(beam: Beam, { histories, seed, path, limitMs }: Options): Promise<number> {
  const run = new Run(beam);
  const started = performance.now();
  console.log(`${histories} random histories on Erlang/OTP ${beam.release} and ours, seed ${seed}`);
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    if (await run.differs(scenario)) throw new Error('the logs differ');
  });
  const result = await fc.check(property, {
    numRuns: histories,
    seed,
    ...(path === undefined ? {} : { path }),
    interruptAfterTimeLimit: limitMs,
    markInterruptAsFailure: true,
  });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`${run.played} histories played in ${seconds} s`);
  console.log(`events: ${textOf(run.seen)}`);
  console.log(`known differences met: ${textOf(run.met)}`);
  for (const { id, ours, isFault } of differences) {
    if (isFault !== true) continue;
    console.log(`to be mended: ${id}, met ${run.met.get(id) ?? 0} times: ${ours}`);
  }
  console.log(`differences that did not come again: ${run.unconfirmed}`);
  if (!result.failed) {
    console.log(`${histories} histories agree`);
    return 0;
  }
  if (result.counterexample === null) {
    console.error(`Not done within ${limitMs / 1_000} s. Remedy: --limit-s, or fewer --histories.`);
    return 1;
  }
  await explain(run, result.counterexample[0]);
  console.error(
    `A difference, after ${result.numRuns} histories, shrunk ${result.numShrinks} times. Again: npm run conformance -- --seed ${seed} --path ${result.counterexamplePath}`,
  );
  return 1;
}

async function explain(run: Run, scenario: Scenario): Promise<void> {
  const { otp, ours } = await run.play(scenario);
  console.error(`\n${readable(scenario)}\n\n${sideBySide(otp, ours)}\n`);
  console.error(`Rules that may apply: ${rulesFor(otp, ours).join(', ')}`);
}

function optionsOf(): Options | 'differences' {
  const { values } = parseArgs({
    options: {
      histories: { type: 'string', default: '2000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      path: { type: 'string' },
      differences: { type: 'boolean', default: false },
      'limit-s': { type: 'string', default: '3600' },
    },
  });
  if (values.differences) return 'differences';
  return {
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
