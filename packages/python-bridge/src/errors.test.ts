import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { adapterFailed, bridgeError, bridgeErrorTable, pythonException } from './errors.ts';

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
