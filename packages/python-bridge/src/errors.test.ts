import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { errorNotes } from './error-notes.ts';
import { isSnakepitError } from './known-error.ts';
import { bridgeError, bridgeErrorTable } from './errors.ts';
import type { BridgeErrorCode } from './errors.ts';
import { adapterFailed, exceptionFields, pythonException } from './python-exception.ts';

const traceback = [
  'Traceback (most recent call last):',
  '  File "/app/adapter.py", line 7, in divide',
  '    return a / b',
  'ZeroDivisionError: division by zero',
].join('\n');

describe('pythonException', () => {
  const error = pythonException({
    pool: 'default',
    worker: 'w1',
    tool: 'divide',
    type: 'ZeroDivisionError',
    module: 'builtins',
    message: 'division by zero',
    traceback,
  });

  test('[I2.7] keeps class, module, message and traceback of the exception, and the ids', () => {
    expect(isSnakepitError(error)).toBe(true);
    expect(error.code).toBe('PYTHON_EXCEPTION');
    expect(error.details).toMatchObject({
      type: 'ZeroDivisionError',
      module: 'builtins',
      message: 'division by zero',
      traceback,
      pool: 'default',
      worker: 'w1',
      tool: 'divide',
    });
    expect(error.message).toContain('ZeroDivisionError: division by zero (tool "divide")');
  });

  test('[I2.7] prints the Python traceback under the JavaScript stack', () => {
    const printed = inspect(error);
    const javascript = printed.indexOf('errors.test.ts');
    const python = printed.indexOf('File "/app/adapter.py", line 7');
    expect(javascript).toBeGreaterThan(0);
    expect(python).toBeGreaterThan(javascript);
  });

  test('names the module of a class that is not built in', () => {
    const own = pythonException({
      type: 'OutOfMemoryError',
      module: 'torch.cuda',
      message: 'tried to allocate',
      traceback: '',
    });
    expect(own.message).toContain('torch.cuda.OutOfMemoryError: tried to allocate');
    expect(own.stack).not.toContain('Python traceback');
  });
});

describe('pythonException, the chain', () => {
  const chained = pythonException({
    ...exceptionFields({
      type: 'RuntimeError',
      module: 'builtins',
      message: 'no model',
      traceback: `${traceback}\n\nThe above exception was the direct cause of the following exception:\n\nRuntimeError: no model`,
      args: ['no model', 7],
      notes: ['while loading "small"'],
      causes: [
        {
          ...{ type: 'KeyError', module: 'builtins', message: "'small'", relation: 'cause' },
          ...{ args: ['small'], traceback: 'File "/app/adapter.py", line 9, in load' },
          exceptions: [{ type: 'OSError', message: 'gone', args: [2] }],
        },
        { type: 'ZeroDivisionError', module: 'builtins', message: 'division by zero' },
        'not an exception',
      ],
    }),
    tool: 'predict',
  });

  test('[I5.10] args, notes and causes are data, the causes also errors behind each other', () => {
    expect(chained.details).toMatchObject({
      args: ['no model', 7],
      notes: ['while loading "small"'],
    });
    expect(chained.details.causes?.map(({ type, relation }) => [type, relation])).toEqual([
      ['KeyError', 'cause'],
      ['ZeroDivisionError', 'context'],
    ]);
    const { cause } = chained;
    if (!isSnakepitError(cause, 'PYTHON_EXCEPTION')) throw new Error('no cause');
    expect(cause.details).toMatchObject({ type: 'KeyError', args: ['small'] });
    expect(cause.details.exceptions).toEqual([
      { type: 'OSError', module: '', message: 'gone', traceback: '', args: [2] },
    ]);
    expect(chained.details.causes?.[0]?.traceback).toContain('line 9, in load');
    expect(cause.details.tool).toBe('predict');
    expect(cause.cause).toMatchObject({ details: { type: 'ZeroDivisionError' } });
  });

  test('[I5.10] inspect and console.log print the Python traceback once, and every cause', () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    new Console(sink).log(chained);
    for (const printed of [inspect(chained), inspect({ error: chained }), lines.join('')]) {
      expect(printed.match(/line 7, in divide/g)).toHaveLength(1);
      expect(printed).toContain('[cause]: SnakepitError: [PYTHON_EXCEPTION] KeyError');
      expect(printed).toContain('[PYTHON_EXCEPTION] ZeroDivisionError');
      expect(printed.indexOf('errors.test.ts')).toBeLessThan(printed.indexOf('Python traceback:'));
    }
  });

  test('[I5.10] what a broken worker says of an exception is bounded, and never fails', () => {
    const deep = '[{"exceptions":'.repeat(20_000) + '[]' + '}]'.repeat(20_000);
    const fields = JSON.parse(
      `{"type":"E","notes":[{"toString":1},"n"],"exceptions":${deep}}`,
    ) as object;
    const causes = Array.from({ length: 5000 }, () => ({ type: 'C' }));
    const error = pythonException(
      exceptionFields({ ...fields, causes, stacktrace: [{ toString: 1 }] }),
    );
    expect(error.details).toMatchObject({ type: 'E', notes: ['n'], traceback: '' });
    expect(error.details.causes).toHaveLength(100);
    expect(JSON.stringify(error.details.exceptions).match(/exceptions/g)).toHaveLength(15);
  });

  test('an exception of the original has what that sends', () => {
    const fields = exceptionFields({
      python_type: 'OSError',
      message: 'gone',
      stacktrace: ['a\n', 'b'],
    });
    expect(fields).toEqual({ type: 'OSError', module: '', message: 'gone', traceback: 'a\nb' });
  });
});

describe('isSnakepitError', () => {
  test('[I5.10] a code narrows to the details of that code, and the codes are a closed union', () => {
    const error: unknown = bridgeError('QUEUE_FULL', {
      pool: 'p',
      queueLength: 3,
      maxQueueSize: 3,
    });
    expect(isSnakepitError(error)).toBe(true);
    expect(isSnakepitError(error, 'TIMEOUT')).toBe(false);
    if (!isSnakepitError(error, 'QUEUE_FULL')) throw new Error('not narrowed');
    const { queueLength, pool }: { queueLength: number; pool: string } = error.details;
    expect([queueLength, pool, error.retryable]).toEqual([3, 'p', true]);
    // @ts-expect-error -- no such code
    expect(isSnakepitError(error, 'QUEUE_FUL')).toBe(false);
  });

  test('[I5.10] whether it is retryable stands in the table and in the error', () => {
    for (const [code, { retryable }] of Object.entries(errorNotes)) {
      expect([code, bridgeErrorTable[code as BridgeErrorCode].retryable]).toEqual([
        code,
        retryable,
      ]);
    }
    expect(Object.keys(errorNotes).sort()).toEqual(Object.keys(bridgeErrorTable).sort());
  });
});

describe('adapterFailed', () => {
  test('[I2.7] says which adapter, what was wrong, what to change, and shows what Python raised', () => {
    const error = adapterFailed({
      adapter: 'my_app.Nope',
      reason: 'ADAPTER_NOT_FOUND',
      message: "No module named 'my_app'",
      traceback,
      pool: 'default',
    });
    expect(error.message).toContain('"my_app.Nope" (pool "default") was not found');
    expect(error.message).toContain('pools[].pythonPath');
    expect(error.stack).toContain('line 7, in divide');
  });
});

describe('bridgeError', () => {
  test('a message names thing, value and range, the remedy names the option', () => {
    const full = bridgeError('QUEUE_FULL', { pool: 'p', queueLength: 1000, maxQueueSize: 1000 });
    expect(full.message).toContain('pool "p" is full (1000 of 1000 requests waiting)');
    expect(full.remedy).toContain('pools[].maxQueueSize');
    const late = bridgeError('QUEUE_TIMEOUT', { pool: 'p', waitedMs: 5000, queueLength: 40 });
    expect(late.message).toContain('within 5000 ms (40 requests waiting)');
    expect(late.remedy).toContain('pools[].queueTimeout');
    const crash = bridgeError('WORKER_CRASHED', {
      pool: 'p',
      worker: 'w2',
      tool: 'train',
      reason: 'killed by SIGKILL',
      lastOutput: ['loading', 'Segmentation fault'],
    });
    expect(crash.message).toContain(
      '(worker "w2" of pool "p") ended while it was executing tool "train"',
    );
    expect(crash.message).toContain('  | Segmentation fault');
  });

  test('a limit is said in bytes or megabytes, whichever people can read', () => {
    const limits = [1024, 104_857_600, 1_572_864, 2 ** 31 - 1];
    const messages = limits.map((limitBytes) => {
      return bridgeError('MESSAGE_TOO_LARGE', { what: 'result', limitBytes, reason: 'r' }).message;
    });
    const shown = messages.map((message) => /limit of (.*) a message/.exec(message)?.[1]);
    expect(shown).toEqual(['1024 bytes', '100 MB', '1.5 MB', '2048 MB']);
  });

  test('a pool that does not exist is answered with those that do', () => {
    const none = bridgeError('POOL_NOT_FOUND', { pool: 'gpu', available: ['default', 'cpu'] });
    expect(none.message).toContain('there is no pool "gpu"; there are "default", "cpu"');
  });

  test('every code has a sentence and a remedy', () => {
    for (const template of Object.values(bridgeErrorTable)) {
      expect(typeof template.message).toBe('function');
      expect(typeof template.remedy).toBe('function');
    }
    const promised = [
      ...['TIMEOUT', 'QUEUE_FULL', 'QUEUE_TIMEOUT', 'WORKER_CRASHED', 'WORKER_UNAVAILABLE'],
      ...['CANCELLED', 'POOL_NOT_FOUND', 'SHUTTING_DOWN', 'INVALID_CONFIG', 'INVALID_ARGUMENT'],
      ...['PYTHON_EXCEPTION', 'ENVIRONMENT', 'PROTOCOL', 'WORKER_BUSY', 'TOOL_NOT_FOUND'],
    ];
    expect(Object.keys(bridgeErrorTable)).toEqual(expect.arrayContaining(promised));
  });
});
