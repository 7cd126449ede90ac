import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError, type Snakepit } from '@snakepit/python-bridge';
import { SnakepitBench } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

const bench = new SnakepitBench();
let pools: Snakepit;

beforeAll(async () => {
  const raising = { adapter: 'raising.Raising' } as const;
  pools = await bench.startAll([
    { name: 'frames', ...raising },
    { name: 'unary', ...raising, callPath: 'unary' },
  ]);
});

afterAll(async () => {
  await bench.close();
});

describe.each(['frames', 'unary'])('a Python exception, over %s', (pool) => {
  const caught = async (): Promise<unknown> =>
    pools.execute('chain', {}, { pool }).then(
      () => undefined,
      (error: unknown) => error,
    );

  test('[I5.10] has its class, arguments, notes and causes, by which a program can decide', async () => {
    const error = await caught();
    if (!isSnakepitError(error, 'PYTHON_EXCEPTION')) throw new Error('not raised in Python');
    expect(error.retryable).toBe(false);
    expect(error.details).toMatchObject({
      ...{ type: 'ModelError', module: 'raising', args: ['no model', 7] },
      notes: ['while loading "small"'],
      causes: [{ type: 'KeyError', module: 'builtins', args: ['small'], relation: 'cause' }],
    });
    if (!isSnakepitError(error.cause, 'PYTHON_EXCEPTION')) throw new Error('no cause');
    expect(error.cause.details).toMatchObject({ type: 'KeyError', pool, tool: 'chain' });
  });

  test('[I5.10] prints its Python traceback, that of its cause included, once, below the JavaScript stack', async () => {
    const printed = inspect(await caught());
    const [javascript, python] = [
      printed.indexOf('\n    at '),
      printed.indexOf('Python traceback:'),
    ];
    expect(javascript).toBeGreaterThan(0);
    expect(python).toBeGreaterThan(javascript);
    const traceback = printed.slice(python);
    expect(traceback.match(/KeyError: 'small'/g)?.length).toBeGreaterThanOrEqual(1);
    expect(printed.match(/\{\}\["small"\]/g)).toHaveLength(1);
    expect(traceback).toContain(
      'The above exception was the direct cause of the following exception',
    );
    expect(traceback).toContain('while loading "small"');
  });
});
