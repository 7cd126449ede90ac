import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { runProgram, type Ended } from '../fixtures/run-program.ts';
import { helpText, parseOptions } from './command/options.ts';
import { recordOf, withRecord, writePage } from './command/page.ts';
import { scenarioOf } from './command/plan.ts';
import { failuresText, lineOf, reportOf, type Report } from './command/report.ts';
import { scenarios } from './command/scenarios/all.ts';
import { quantilesOf, type RoundResult } from './command/statistics.ts';
import { createRandom } from './command/system/random.mjs';
import { wronglyEnded } from './command/verdicts.ts';
import type { Said } from './command/victim.ts';

// A limit for what hangs, not a measure of speed.
jest.setTimeout(400_000);

const names = scenarios.map(({ name }) => name);
const asked = { seed: 9, launch: 'fork', scenario: undefined } as const;

/** A round in which nothing happened, but for what is given. */
function round(more: Partial<RoundResult> = {}): RoundResult {
  return {
    ...{ round: 0, scenario: 'runtime-killed', kills: 0, survivors: [], lostRequests: 0 },
    ...{ falsePositives: [], detectMs: [], goneMs: [], backstopGoneMs: [] },
    ...{ story: [], problem: undefined },
    ...more,
  };
}

describe('the arguments', () => {
  const parsed = (...args: string[]) => parseOptions(args, names, { seed: 7, launch: 'fork' });

  test('[I4.9] none: thirty rounds of any kind, a seed that is told', () => {
    expect(parsed()).toEqual({
      kind: 'run',
      options: {
        ...{ seed: 7, rounds: 30, round: undefined, scenario: undefined, json: false },
        ...{ launch: 'fork', concurrency: 2, limitS: 3_600, write: undefined },
      },
    });
  });

  test('[I4.9] all that there are', () => {
    const args = ['--seed', '1', '--rounds', '2', '--round', '0', '--scenario', 'fork-storm'];
    const more = ['--json', '--concurrency', '3', '--limit-s', '4', '--write', 'page.md'];
    const way = ['--launch', 'spawn'];
    expect(parsed(...args, ...way, ...more)).toEqual({
      kind: 'run',
      options: {
        ...{ seed: 1, rounds: 2, round: 0, scenario: 'fork-storm', json: true },
        ...{ launch: 'spawn', concurrency: 3, limitS: 4, write: 'page.md' },
      },
    });
    expect(parsed('--help')).toEqual({ kind: 'help' });
  });

  test.each([
    [['--rounds', '0'], '--rounds must be a whole number from 1 to 100000; got "0"'],
    [['--rounds', '1e3'], 'got "1e3"'],
    [['--seed', '-1'], "'--seed' argument is ambiguous"],
    [['--seed', ''], '--seed must be a whole number from 0 to 4294967295; got ""'],
    [['--round', 'x'], '--round must be a whole number'],
    [['--concurrency', '65'], '--concurrency must be a whole number from 1 to 64; got "65"'],
    [['--scenario', 'storm'], '--scenario "storm" is not known; there are runtime-killed,'],
    [['--launch', 'auto'], '--launch must be fork or spawn; got "auto"'],
    [['--sede', '1'], "Unknown option '--sede'"],
    [['more'], "Unexpected argument 'more'"],
  ])('[I4.9] %j is refused', (args, problem) => {
    expect(parsed(...args)).toMatchObject({
      kind: 'invalid',
      problem: expect.stringContaining(problem),
    });
  });

  test('[I4.9] the help names every option and scenario', () => {
    const text = helpText(scenarios);
    for (const name of names) expect(text).toContain(`  ${name} `);
    for (const option of [
      'seed',
      'rounds',
      'round',
      'scenario',
      'launch',
      'json',
      'limit-s',
      'write',
    ]) {
      expect(text).toContain(`  --${option}`);
    }
  });
});

describe('what is played', () => {
  test('[I4.9] follows from the seed: the same again, and another for another seed', () => {
    const played = (seed: number): string[] =>
      Array.from({ length: 40 }, (_, number) => scenarioOf(names, seed, number));
    expect(played(1)).toEqual(played(1));
    expect(played(1)).not.toEqual(played(2));
    const numbers = (random = createRandom(1, 2)) => [1, 2, 3].map(() => random.integer(0, 1e9));
    expect(numbers()).toEqual(numbers());
    expect(numbers()).not.toEqual(numbers(createRandom(2, 1)));
  });

  test('[I4.9] every scenario comes once before one comes again', () => {
    for (const seed of [0, 1, 42]) {
      const turn = names.map((_, number) => scenarioOf(names, seed, number + names.length));
      expect(turn.toSorted()).toEqual(names.toSorted());
    }
  });

  test('choices are even, and a shuffle loses nothing', () => {
    const random = createRandom(5);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 8_000; draw += 1) {
      const drawn = random.integer(0, 3);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
    expect(random.shuffle([1, 2, 3, 4]).toSorted()).toEqual([1, 2, 3, 4]);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
    expect(() => random.pick([])).toThrow('nothing to pick from');
  });
});

describe('the sums', () => {
  test('[I4.9] quantiles are times that were measured', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantilesOf(hundred)).toEqual({ p50: 50, p99: 99, max: 100 });
    expect(quantilesOf([3.14159])).toEqual({ p50: 3.1, p99: 3.1, max: 3.1 });
    expect(quantilesOf([])).toEqual({ p50: null, p99: null, max: null });
  });

  test('[I4.9] over all rounds and for each scenario; every kind of failure is told with its replay', () => {
    const results = [
      round({ kills: 2, goneMs: [5, 9], detectMs: [1] }),
      round({ round: 1, scenario: 'daemons', kills: 1, survivors: ['12 sleep 1'], story: ['so'] }),
      round({ round: 2, scenario: 'daemons', lostRequests: 3 }),
      round({ round: 3, scenario: 'clock-jump', falsePositives: ['worker 1'] }),
      round({ round: 4, scenario: 'clock-jump', problem: 'it did not start' }),
    ];
    const report = reportOf(asked, results, []);
    expect(report).toMatchObject({
      ...{ seed: 9, rounds: 5, kills: 3, survivors: 1, lostRequests: 3, falsePositives: 1 },
      detectMs: { p50: 1, p99: 1, max: 1 },
      goneMs: { p50: 5, p99: 9, max: 9 },
      byScenario: {
        'clock-jump': { rounds: 2, kills: 0, falsePositives: 1 },
        daemons: { rounds: 2, kills: 1, survivors: 1, lostRequests: 3, goneMs: { max: null } },
        'runtime-killed': { rounds: 1, kills: 2, survivors: 0 },
      },
    });
    expect(report.failures.map((failure) => failure.round)).toEqual([1, 2, 3, 4]);
    const text = failuresText(report);
    expect(text).toContain('Round 1, daemons:\n  - so\n  survivor: 12 sleep 1\n  again: npm run');
    expect(text).toContain('--seed 9 --round 2\n');
    expect(text).toContain('  3 calls were never answered');
    expect(text).toContain('  wrongly ended: worker 1');
    expect(text).toContain('  problem: it did not start');
    expect(reportOf({ ...asked, scenario: 'daemons' }, results, []).failures[0]?.again).toBe(
      'npm run chaos -- --seed 9 --round 1 --scenario daemons',
    );
    expect(results.map(lineOf)[0]).toBe(
      'round 0 runtime-killed: ok, 2 kills, detected 1 ms, gone 5, 9 ms',
    );
    expect(results.map(lineOf)[2]).toBe('round 2 daemons: FAILED, 0 kills');
  });

  test('[I4.9] are written into a page, between its marks and nowhere else', async () => {
    const notPossible = [{ scenario: 'disk-full', reason: 'no root' }];
    const report = reportOf(asked, [round({ kills: 2, goneMs: [5.4, 9.6] })], notPossible);
    const record = recordOf(report, new Date(0));
    expect(record).toContain('Recorded on 1970-01-01');
    expect(record).toContain('| runtime-killed | 1 | 2 | 0 | 0 | 0 | – | 5 / 10 / 10 | – |');
    expect(record).toContain('| **all** | 1 | 2 |');
    expect(record).toContain('Not possible there: disk-full: no root.');
    expect(() => withRecord('no marks', record)).toThrow('the page has no <!-- chaos:begin -->');
    const folder = mkdtempSync(join(tmpdir(), 'chaos-page-'));
    try {
      const page = join(folder, 'page.md');
      writeFileSync(page, '# Head\n\n<!-- chaos:begin -->\n\nold\n\n<!-- chaos:end -->\n\nTail\n');
      await writePage(page, report);
      const text = readFileSync(page, 'utf8');
      expect(text).toMatch(/^# Head\n\n<!-- chaos:begin -->\n\nRecorded/);
      expect(text).toMatch(/<!-- chaos:end -->\n\nTail\n$/);
      expect(text).not.toContain('old');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('verdicts', () => {
  /** What a system says, one after the other, of which these were harmed. */
  const wrongs = (harmed: readonly number[], said: readonly object[], attackedAtMs = Infinity) =>
    wronglyEnded({
      said: said.map((one, index) => ({ atMs: index, ...one }) as Said),
      ...{ harmed: new Set(harmed), attackedAtMs },
    }).map((text) => (JSON.parse(text) as Said)['osPid']);
  const worker = (event: string, osPid: number) => ({ event: `worker${event}`, osPid });
  const server = (event: string, osPid: number) => ({ event: `server${event}`, osPid });
  const started = { event: 'started', workers: [{ osPid: 1 }, { osPid: 2 }] };

  test('[I4.9] who ends or is called sick though nobody harmed it is ended wrongly, once', () => {
    const said = [started, worker('Ended', 1), worker('Sick', 2), worker('Ended', 2)];
    expect(wrongs([1], said)).toEqual([2]);
    expect(wrongs([], [started, { event: 'stopping' }, worker('Ended', 1)])).toEqual([]);
  });

  test('[I4.9] what is said by a system that is attacked itself by then is no verdict', () => {
    const said = [started, worker('Ended', 1), worker('Ended', 2), server('Ended', 9)];
    expect(wrongs([], said, 2)).toEqual([1]);
  });

  test('[I4.9] workers of a fork server that was harmed end with it, those of the next one do not', () => {
    const told = [started, worker('Ended', 1), server('Ended', 9), worker('Ended', 2)];
    expect(wrongs([9], told)).toEqual([]);
    expect(wrongs([], told).toSorted()).toEqual([1, 2, 9]);
    // The last one is heard to serve when the death of the server has been told, or never.
    const late = [worker('Started', 3), worker('Ended', 3), worker('Ended', 4)];
    const next = [server('Started', 10), worker('Started', 5), worker('Ended', 5)];
    expect(wrongs([9], [...told, ...late, ...next])).toEqual([5]);
    // Its workers may be told of before it, and it when the system is stopped already.
    const end = [started, worker('Ended', 1), { event: 'stopping' }, server('Ended', 9)];
    expect(wrongs([9], end)).toEqual([]);
  });
});

describe('the goals', () => {
  const goalsOf = (...results: RoundResult[]) =>
    reportOf(asked, results, []).goals.map(({ measured, met }) => [measured, met]);

  test('[I4.9] what was not measured is neither met nor missed; what must be none is counted', () => {
    const nothing = [null, null];
    expect(goalsOf(round())).toEqual([[0, true], [0, true], [0, true], nothing, nothing, nothing]);
  });

  test('[I4.9] a runtime killed as usual has 250 ms, one whose workers are stopped 5 s, a sick worker 10 s', () => {
    const kept = { goneMs: [250], backstopGoneMs: [3_300], detectMs: [9_999] };
    expect(goalsOf(round(kept)).slice(3)).toEqual([
      [250, true],
      [3_300, true],
      [9_999, true],
    ]);
    const missed = { goneMs: [5, 1_400], backstopGoneMs: [5_001], detectMs: [1, 10_001] };
    expect(goalsOf(round(missed)).slice(3)).toEqual([
      [1_400, false],
      [5_001, false],
      [10_001, false],
    ]);
    const record = recordOf(reportOf(asked, [round(missed)], []), new Date(0));
    expect(record).toContain('p99 at most 250 ms | 1400 | **no** |');
    expect(record).toContain('survivors: none | 0 | yes |');
    expect(recordOf(reportOf(asked, [round()], []), new Date(0))).toContain('– | not measured |');
  });
});

describe('npm run chaos', () => {
  const run = (args: readonly string[], options = {}): Promise<Ended> =>
    runProgram(
      [
        ...['--import', './test/fixtures/processes/typescript-loader.mjs'],
        ...['test/chaos/command/main.ts', ...args],
      ],
      options,
    );

  test('[I4.9] wrong arguments end it with 2, help with 0', async () => {
    const [wrong, help] = await Promise.all([run(['--rounds', 'many']), run(['--help'])]);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('--rounds must be a whole number');
    expect(help).toMatchObject({ code: 0, stdout: helpText(scenarios), stderr: '' });
  });

  test('[R1.5] [R11.3] [T5.1] [I4.9] each scenario once: nobody survives, nothing is lost, nobody is ended wrongly', async () => {
    const args = ['--seed', '20', '--rounds', String(names.length), '--concurrency', '3', '--json'];
    const { code, stdout, stderr, left } = await run(args);
    expect(stderr).toBe('');
    const { byScenario, notPossible, ...report } = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({
      ...{ seed: 20, survivors: 0, lostRequests: 0, falsePositives: 0, failures: [] },
      rounds: names.length - notPossible.length,
    });
    expect(report.kills).toBeGreaterThanOrEqual(10);
    expect(report.goneMs.max).toBeLessThan(5_000);
    expect(report.backstopGoneMs.max ?? 0).toBeLessThan(5_000);
    const told = [...Object.keys(byScenario), ...notPossible.map(({ scenario }) => scenario)];
    expect(told.toSorted()).toEqual(names.toSorted());
    expect(code).toBe(0);
    expect(left).toEqual([]);
  });

  test('[I4.9] survivors end it with 1 and are named, and nothing is left of them in the end', async () => {
    const args = ['--seed', '1', '--round', '0', '--scenario', 'runtime-killed'];
    const env = { SNAKEPIT_WITHOUT_LAYERS: 'lifeline,eof,opinion' };
    const { code, stdout, stderr, left } = await run(args, { env });
    expect(stdout).toContain('round 0 runtime-killed: FAILED');
    expect(stderr).toMatch(/survivor: \d+ .*snakepit_bridge/);
    expect(stderr).toContain(`again: npm run chaos -- ${args.join(' ')}`);
    expect(code).toBe(1);
    expect(left).toEqual([]);
  });

  test('[I4.9] interrupted it ends with 130 and leaves nothing', async () => {
    const args = ['--seed', '1', '--rounds', '100', '--scenario', 'start-killed'];
    const { code, stderr, left } = await run(args, { interruptAt: /round \d+ start-killed/ });
    expect(stderr).toMatch(/interrupted; \d+ of 100 rounds were played/);
    expect(code).toBe(130);
    expect(left).toEqual([]);
  });
});
