import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { exitReason, type RegisterResult, type UpdateValueResult } from '@snakepit/core';
import type { FailureCause } from '@snakepit/python-bridge';
import { runProgram } from '../fixtures/run-program.ts';
import type {
  ApplicationError,
  ChildSpecFault,
  NoChildIds,
  NotFound,
  NotStopped,
  RestartChildError,
  StartChildError,
  StartDynamicChildError,
  SupervisorFault,
} from '@snakepit/supervisor';

const REPOSITORY = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(REPOSITORY, 'docs/errors.md'), 'utf8');

/** What is between a heading and the next. */
function section(heading: string): string {
  const text = new RegExp(`\n#+ ${heading}\n([^]*?)(?=\n#|$)`).exec(PAGE)?.[1];
  if (text === undefined) throw new Error(`docs/errors.md has no heading "${heading}"`);
  return text;
}

/** The first column of the table of a section. */
function rows(heading: string): readonly string[] {
  return [...section(heading).matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
}

/** The codes in a package's table of errors, which stands in one file and is laid out by prettier. */
function codes(source: string): readonly string[] {
  const text = readFileSync(join(REPOSITORY, source), 'utf8');
  return [...text.matchAll(/^ {2}([A-Z][A-Z_]*): (?:\{$|template\()/gm)].map(
    ([, name = '']) => name,
  );
}

/** The files of a package that run, as one text. */
function sources(folder: string): string {
  const files = readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
    .map((file) => readFileSync(join(REPOSITORY, folder, file), 'utf8'))
    .join('\n');
}

type KindOf<T> = T extends { readonly ok: false; readonly error: infer E } ? KindOfError<E> : never;
type KindOfError<E> = E extends { readonly kind: infer K extends string } ? K : never;

// The compiler refuses a table that lacks a kind, or has one too many.
const specFaults: Readonly<Record<ChildSpecFault['kind'], true>> = {
  invalidChildSpec: true,
  missingId: true,
  invalidId: true,
  missingStart: true,
  invalidStart: true,
  invalidRestartType: true,
  invalidSignificant: true,
  badCombination: true,
  invalidChildType: true,
  invalidShutdown: true,
  invalidName: true,
  invalidBudget: true,
  duplicateChildName: true,
  ownChild: true,
};
const supervisorFaults: Readonly<Record<SupervisorFault['kind'], true>> = {
  invalidType: true,
  invalidStrategy: true,
  invalidIntensity: true,
  invalidPeriod: true,
  invalidAutoShutdown: true,
  invalidChildren: true,
  invalidMaxChildren: true,
  invalidExtraArguments: true,
  missingName: true,
  missingChild: true,
  invalidChild: true,
  invalidPartitions: true,
  invalidWithArguments: true,
  invalidBackoff: true,
  invalidBudget: true,
};
type Answer =
  | Exclude<
      KindOfError<StartChildError | RestartChildError | StartDynamicChildError>,
      ChildSpecFault['kind']
    >
  | KindOfError<NotFound | NoChildIds | NotStopped | ApplicationError>
  | KindOf<RegisterResult | UpdateValueResult<unknown>>;
const answers: Readonly<Record<Answer, true>> = {
  alreadyStarted: true,
  alreadyPresent: true,
  startFailed: true,
  notFound: true,
  running: true,
  restarting: true,
  noChildIds: true,
  maxChildren: true,
  alreadyRegistered: true,
  notRegistered: true,
  invalidRestartType: true,
  notStarted: true,
  badReturn: true,
};

const causes: Readonly<Record<FailureCause, true>> = {
  importError: true,
  socket: true,
  environment: true,
  outOfMemory: true,
  killed: true,
  nativeCrash: true,
  exited: true,
  protocol: true,
  configuration: true,
  timeout: true,
  noProcess: true,
  unreachable: true,
  heartbeat: true,
  supervision: true,
};

describe('docs/errors.md', () => {
  test.each([
    ['@snakepit/core', 'packages/core/src', 'coreError'],
    ['@snakepit/supervisor', 'packages/supervisor/src', 'supervisorError'],
  ])('tells every code of %s, and no other', (heading, folder, factory) => {
    const known = codes(`${folder}/errors.ts`);
    expect([...rows(heading)].sort()).toEqual([...known].sort());
    const made = sources(folder).matchAll(new RegExp(`\\b${factory}\\(\\s*'(\\w+)'`, 'g'));
    expect([...new Set(Array.from(made, ([, code]) => code))].sort()).toEqual([...known].sort());
  });

  test('[I5.10] tells every code of snakepit, as the source does', async () => {
    const { code, stderr } = await runProgram(['scripts/errors.mjs', '--check']);
    expect([code, stderr]).toEqual([0, '']);
    const known = codes('packages/python-bridge/src/errors.ts');
    expect(known).not.toHaveLength(0);
    expect([...rows('snakepit')].sort()).toEqual([...known].sort());
  }, 60_000);

  test('[I5.10] every failure of the bridge is made with a code of its table, and each code is made', () => {
    const folder = 'packages/python-bridge/src';
    const text = sources(folder);
    const known = codes(`${folder}/errors.ts`);
    const made = Array.from(text.matchAll(/\bbridgeError\(\s*(\S)(\w*)/g), ([, quote, name]) => [
      quote,
      name,
    ]);
    // A code that is worked out would be one that this test cannot see.
    expect(made.filter(([quote]) => quote !== "'")).toEqual([]);
    expect([...new Set(made.map(([, name]) => name))].sort()).toEqual([...known].sort());
    // Nobody goes round the table.
    expect(text).not.toMatch(/new SnakepitError\(/);
  });

  test('[I5.10] every gRPC status has its code', () => {
    const mapped = new Set(rows('gRPC statuses'));
    const names = Object.keys(status).filter((name) => Number.isNaN(Number(name)));
    expect(names).toHaveLength(17);
    expect([...mapped].sort()).toEqual(names.filter((name) => name !== 'OK').sort());
  });

  test('tells every kind of exit reason', () => {
    expect([...rows('Exit reasons')].sort()).toEqual(Object.keys(exitReason).sort());
  });

  test('[I4.6] tells every cause for which a worker is given up', () => {
    expect([...rows('Why a worker cannot run')].sort()).toEqual(Object.keys(causes).sort());
  });

  test('tells every answer that is no', () => {
    expect([...rows('Answers')].sort()).toEqual(Object.keys(answers).sort());
  });

  test('tells every fault of a supervisor and of a child spec', () => {
    const named = section('Faults of supervisors and child specs');
    const [, ofSpecs = '', ofSupervisors = ''] = named.split(/^- /m);
    for (const kind of Object.keys(specFaults)) expect(ofSpecs).toContain(`\`${kind}\``);
    for (const kind of Object.keys(supervisorFaults)) {
      expect(ofSupervisors).toContain(`\`${kind}\``);
    }
  });
});
