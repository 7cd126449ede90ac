import { describe, expect, test } from '@jest/globals';
import {
  createConsoleLogger,
  createSystem,
  defineTask,
  exitReason,
  silentLogger,
} from './index.ts';
import type { LogLevel, LogSink } from './logger.ts';

function createSink(): { readonly sink: LogSink; readonly lines: unknown[][] } {
  const lines: unknown[][] = [];
  const write =
    (level: string) =>
    (...line: unknown[]): void => {
      lines.push([level, ...line]);
    };
  const sink = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return { sink, lines };
}

describe('createConsoleLogger', () => {
  test.each<[LogLevel | undefined, string[]]>([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    [undefined, ['warn', 'error']],
    ['error', ['error']],
    ['none', []],
  ])('at %s writes %j', (level, written) => {
    const { sink, lines } = createSink();
    const logger = createConsoleLogger(level, sink);
    logger.debug('message');
    logger.info('message');
    logger.warn('message');
    logger.error('message');
    expect(lines).toEqual(written.map((one) => [one, 'message']));
  });

  test('fields come as a second argument', () => {
    const { sink, lines } = createSink();
    createConsoleLogger('warn', sink).warn('message', { pid: 1 });
    expect(lines).toEqual([['warn', 'message', { pid: 1 }]]);
  });

  test('a report of several lines is written once, without its fields', () => {
    const { sink, lines } = createSink();
    createConsoleLogger('warn', sink).error('ended\n  links: none', { links: [] });
    expect(lines).toEqual([['error', 'ended\n  links: none']]);
  });
});

describe('the logger of a system', () => {
  test('that throws harms nobody', async () => {
    const refuse = (): never => {
      throw new Error('disk full');
    };
    const system = createSystem({
      logger: { debug: refuse, info: refuse, warn: refuse, error: refuse },
    });
    const error = new Error('boom');
    const pid = system.spawn(
      defineTask(() => {
        throw error;
      }),
    );
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.error(error));
    system.logger.info('nothing happens');
    await system.stop();
  });

  test('that rejects harms nobody', async () => {
    // An async function where the compiler expects one that returns nothing.
    const refuse = (): never => Promise.reject(new Error('disk full')) as never;
    const system = createSystem({
      logger: { debug: refuse, info: refuse, warn: refuse, error: refuse },
    });
    system.logger.info('nothing happens');
    // Node tells of a rejection that nobody handles when microtasks are done; Jest fails the test by that.
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
    await system.stop();
  });

  test('may be silent', () => {
    silentLogger.debug('x');
    silentLogger.info('x');
    silentLogger.warn('x');
    silentLogger.error('x');
  });
});
