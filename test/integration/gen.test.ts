import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { Snakepit, ToolStream } from '@snakepit/python-bridge';
import { awkwardAdapter, useOfAwkwardAdapter } from '../fixtures/awkward-adapter.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { SnakepitBench } from '../fixtures/snakepit-bench.ts';

// A compiler, and programs with Python, on machines that may be busy.
jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../..');
const PYTHON = join(ROOT, '.venv/bin/python');

let bench: SnakepitBench;

beforeEach(() => {
  bench = new SnakepitBench();
  // A project of a user: the packages as they are built.
  symlinkSync(join(ROOT, 'node_modules'), bench.path('node_modules'));
  write('package.json', '{ "type": "module" }');
});

afterEach(async () => {
  await bench.close();
});

function write(path: string, text: string): void {
  const file = bench.path(path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
}

const ADAPTER = `
from typing import Annotated, Literal, Optional, TypedDict
from collections.abc import Iterator
import datetime

from snakepit_bridge import BaseAdapter, tool

class Verdict(TypedDict):
    label: Literal["good", "bad"]
    score: float

class Tick(TypedDict):
    i: int

class MyAdapter(BaseAdapter):
    @tool
    def predict(self, text: Annotated[str, "what is judged"], limit: Optional[int] = None) -> Verdict:
        """Judges a text.

        Returns:
            what was found
        """
        return {"label": "good" if "good" in text else "bad", "score": float(limit or 0)}

    @tool(supports_streaming=True)
    def count(self, to: int) -> Iterator[Tick]:
        for i in range(to):
            yield {"i": i}

    @tool
    def nothing(self) -> None: ...

    @tool
    def moved(self, when: datetime.datetime, days: int = 1) -> datetime.datetime:
        return when + datetime.timedelta(days=days)
`;

/** Runs the command as it is installed, in the project. */
async function snakepitCommand(...args: string[]) {
  const main = join(ROOT, 'packages/snakepit/dist/cli/main.js');
  if (!existsSync(main)) throw new Error(`${main} is missing; run \`npm run build\` first`);
  return runProgram(
    [
      '--eval',
      `process.chdir(${JSON.stringify(bench.base)});
process.argv.splice(1, 0, 'snakepit');
await import(${JSON.stringify(pathToFileURL(main).href)});`,
      '--input-type=module',
      '--',
      ...args,
    ],
    {
      env: { SNAKEPIT_PYTHON: PYTHON },
    },
  );
}

function writeAdapter(source = ADAPTER): void {
  write('my_app/adapter.py', source);
}

/** What the compiler says of the project, with the strictest options that a user may have. */
async function compile(): Promise<string> {
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    isolatedModules: true,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts', '*.mts'] }));
  const { stdout, code } = await runProgram([
    join(ROOT, 'node_modules/typescript-7/bin/tsc'),
    ...['-p', bench.path('tsconfig.json')],
  ]);
  return code === 0 ? 'compiles' : stdout;
}

const USE = (client: string): string => `
import { Snakepit } from 'snakepit';
import { createClient } from './${client}';

declare const snakepit: Snakepit;
const client = await createClient(snakepit, { onStale: 'warn' });
const { label, score } = await client.predict({ text: 'a good one' }, { timeout: 5 });
const known: 'good' | 'bad' = label;
const number: number = score;
for await (const tick of client.count({ to: 3 })) console.log(tick.i + 1, known, number);
await client.predict({ text: 'x', limit: null });
await client.predict({ text: 'x', limit: undefined });
await client.nothing();
const moved: Date | string = await client.moved({ when: new Date(), days: 2n });
console.log(moved);
// @ts-expect-error -- a wrong type
await client.predict({ text: 5 });
// @ts-expect-error -- an unknown argument
await client.predict({ text: 'x', max: 5 });
// @ts-expect-error -- a missing argument
await client.predict({});
// @ts-expect-error -- an unknown tool
await client.foretell({ text: 'x' });
// @ts-expect-error -- what comes back has no such property
console.log((await client.predict({ text: 'x' })).certainty);
// @ts-expect-error -- a stream is no promise of a value
console.log((await client.count({ to: 3 })).i);
`;

describe('snakepit gen types', () => {
  test('[I5.6] the client compiles, and wrong calls do not', async () => {
    writeAdapter();
    const typed = await snakepitCommand(
      ...['gen', 'types', '--adapter', 'my_app.adapter.MyAdapter', '--out', 'python.ts'],
    );
    expect(typed).toMatchObject({
      ...{ code: 0, stderr: '', stdout: 'Wrote python.ts: 4 tools of my_app.adapter.MyAdapter.\n' },
    });
    const javascript = await snakepitCommand(
      ...['gen', 'types', '--adapter', 'my_app.adapter.MyAdapter', '--out', 'client.mjs', '--json'],
    );
    expect(JSON.parse(javascript.stdout)).toEqual({
      ...{ ok: true, adapter: 'my_app.adapter.MyAdapter', tools: 4 },
      files: ['client.mjs', 'client.d.mts'],
    });
    write('typed.ts', USE('python.ts').replace('python.ts', 'python.js'));
    write('declared.ts', USE('client.mjs'));
    expect(await compile()).toBe('compiles');
    const source = readFileSync(bench.path('python.ts'), 'utf8');
    expect(source).toContain('   * Judges a text.\n   *\n   * @returns what was found\n');
    expect(source).toContain('/** what is judged. */');
  });

  test('[I5.6] the client calls a running worker, and notices that its types are stale', async () => {
    writeAdapter();
    const args = ['--adapter', 'my_app.adapter.MyAdapter', '--out', 'client.mjs'];
    expect((await snakepitCommand('gen', 'types', ...args)).code).toBe(0);
    const { createClient } = (await import(pathToFileURL(bench.path('client.mjs')).href)) as {
      readonly createClient: (snakepit: Snakepit, options?: object) => Promise<Client>;
    };
    const pool = { adapter: 'my_app.adapter.MyAdapter', cwd: bench.base };
    const snakepit = await bench.start(pool);
    const client = await createClient(snakepit);
    expect(await client.predict({ text: 'a good one', limit: 2 })).toEqual({
      ...{ label: 'good', score: 2 },
    });
    const ticks: unknown[] = [];
    for await (const tick of client.count({ to: 3 })) ticks.push(tick);
    expect(ticks).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(await client.moved({ when: new Date(0) })).toEqual(new Date(86_400_000));
    const session = snakepit.session('s1');
    const inSession = await createClient(snakepit, { session });
    expect(await inSession.nothing()).toBeNull();

    // The adapter changes, and a worker is started from the new code.
    const changed = ADAPTER.replace('limit: Optional[int] = None', 'limit: float').replace(
      'def nothing(self)',
      'def something(self)',
    );
    writeAdapter(changed);
    await snakepit.restartWorker('default_worker_1');
    const error: unknown = await createClient(snakepit).catch((reason: unknown) => reason);
    expect(isSnakepitError(error) && error.code).toBe('STALE_TYPES');
    expect(String(error)).toContain(
      'the generated types of adapter "my_app.adapter.MyAdapter" are not those of the first pool: "predict" is changed; "nothing" is not there; "something" is new.',
    );
    expect(String(error)).toContain(
      `Remedy: generate them again: npx snakepit gen types ${args.join(' ')}`,
    );
    await createClient(snakepit, { onStale: 'warn' });
    expect(bench.reports.join()).toContain('[STALE_TYPES]');
    // What only came anew makes no call wrong.
    writeAdapter(
      ADAPTER.replace(
        'class MyAdapter(BaseAdapter):',
        'class MyAdapter(BaseAdapter):\n    @tool\n    def extra(self) -> None: ...\n',
      ),
    );
    await snakepit.restartWorker('default_worker_1');
    expect(await (await createClient(snakepit)).nothing()).toBeNull();
  });

  test('[I5.6] what Python allows and TypeScript reads differently still compiles, and can be called', async () => {
    writeAdapter(awkwardAdapter);
    const adapter = 'my_app.adapter.Promise';
    for (const out of ['python.ts', 'client.mjs']) {
      const made = await snakepitCommand('gen', 'types', '--adapter', adapter, '--out', out);
      expect(made).toMatchObject({ code: 0, stderr: '' });
    }
    write('typed.ts', useOfAwkwardAdapter);
    expect(await compile()).toBe('compiles');
    const { createClient } = (await import(pathToFileURL(bench.path('client.mjs')).href)) as {
      readonly createClient: (
        snakepit: Snakepit,
      ) => Promise<Readonly<Record<string, (args: object) => Promise<unknown>>>>;
    };
    const snakepit = await bench.start({ adapter, cwd: bench.base });
    const client = await createClient(snakepit);
    expect(await client['a-b']?.({})).toBe(1);
    expect(await client['delete']?.({ new: 'x', été: 2 })).toEqual(['x', 2, { 'a*/': [1] }]);
  });

  test('[I5.6] wrong use, and an adapter that cannot be imported, are told', async () => {
    write('my_app/adapter.py', 'import nowhere\n');
    const broken = await snakepitCommand('gen', 'types', '--adapter', 'my_app.adapter.MyAdapter');
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toContain("needs the module 'nowhere'");
    for (const [args, text] of [
      [['gen', 'types'], "required option '--adapter <pkg.mod.Class>' not specified"],
      [['gen', 'types', '--adapter', 'MyAdapter'], 'the dotted path of a Python class'],
      [['gen', 'types', '--adapter', 'a.B', '--out', 'x.py'], 'It must end in .ts, .mts, .js'],
      [['gen', 'adapter', 'My-App'], 'It must be a name for a Python package'],
      [['gen', 'adaptor', 'x'], 'Did you mean adapter?'],
    ] as const) {
      const { code, stderr } = await snakepitCommand(...args);
      expect({ args, code }).toEqual({ args, code: 2 });
      expect(stderr).toContain(text);
    }
  });
});

test('[I5.6] files that cannot be written are told, and what to type again is quoted', async () => {
  writeAdapter();
  const types = ['gen', 'types', '--adapter', 'my_app.adapter.MyAdapter', '--out'];
  mkdirSync(bench.path('taken.ts'));
  const taken = await snakepitCommand(...types, 'taken.ts');
  expect(taken).toMatchObject({ code: 1, stdout: '' });
  expect(taken.stderr).toMatch(/^The files cannot be written: EISDIR: .*taken\.ts'\.\n$/);
  expect((await snakepitCommand(...types, "it's here.mjs")).code).toBe(0);
  expect(readFileSync(bench.path("it's here.mjs"), 'utf8')).toContain(
    "--out 'it'\\''s here.mjs'`; do not edit",
  );
  write('other_app', 'a file');
  const adapter = await snakepitCommand('gen', 'adapter', 'other_app', '--json');
  expect(adapter.code).toBe(1);
  expect(adapter.stdout).toContain('"ok":false,"error":{"message":"The files cannot be written: ');
  const numbered = await snakepitCommand('gen', 'adapter', '_2nd');
  expect(numbered.stdout).toContain('_2nd.adapter._2ndAdapter');
});

interface Client {
  predict(args: object): Promise<unknown>;
  count(args: object): ToolStream<unknown>;
  moved(args: object): Promise<unknown>;
  nothing(): Promise<unknown>;
}

describe('snakepit gen adapter', () => {
  test('[I5.6] writes an adapter and a test that passes, and overwrites nothing', async () => {
    const first = await snakepitCommand('gen', 'adapter', 'my_app');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain(
      'Wrote my_app/__init__.py, my_app/adapter.py, my_app/adapter.test.mjs.',
    );
    const doctor = await snakepitCommand('doctor', '--adapter', 'my_app.adapter.MyAppAdapter');
    expect(doctor.stdout).toContain('my_app.adapter.MyAppAdapter has 2 tools: count, greet');
    const script = `process.chdir(${JSON.stringify(bench.base)});
await import(${JSON.stringify(pathToFileURL(bench.path('my_app/adapter.test.mjs')).href)});`;
    const ended = await runProgram(['--input-type=module', '--eval', script], {
      env: { SNAKEPIT_PYTHON: PYTHON },
    });
    expect(ended).toMatchObject({ code: 0, left: [] });
    expect(ended.stdout).toMatch(/# pass 2|ℹ pass 2/);
    const again = await snakepitCommand('gen', 'adapter', 'my_app', '--json');
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('is there already; nothing was written');
  });
});
