import { describe, expect, test } from '@jest/globals';
import type { ConfigFault } from './config-fault.ts';
import { readConfig } from './read-config.ts';
import type { GivenConfig } from './read-config.ts';

function read(config: unknown): {
  readonly given: GivenConfig | undefined;
  readonly messages: readonly string[];
} {
  const faults: ConfigFault[] = [];
  const given = readConfig(config, faults);
  return { given, messages: faults.map(({ message }) => message) };
}

describe('readConfig', () => {
  test('[I5.13] keeps what is allowed, in its place, and leaves what the user wrote as it was', () => {
    const config = {
      size: 'many',
      python: 'py',
      heartbeat: { maxMissed: 2, pingInterval: 1 },
      pools: [7, { name: 'a', size: 3, env: { A: 1 } }],
    };
    const before = structuredClone(config);
    const { given, messages } = read(config);
    expect(messages).toHaveLength(4);
    expect(given?.top).toMatchObject({
      size: undefined,
      python: 'py',
      heartbeat: { maxMissed: 2, pingInterval: undefined },
    });
    expect(given?.pools).toEqual([undefined, { name: 'a', size: 3, env: undefined }]);
    expect(config).toEqual(before);
  });

  test('[I5.13] several unknown keys of one object are each told, a list with several faults once', () => {
    const { messages } = read({
      colour: 1,
      pools: [{ name: 'a', adapterArgs: [1, 2, '\0'], sise: 1, env: { 'A=B': 'c', D: 5 } }],
      quux: 2,
    });
    expect(messages.map((message) => message.split(';')[0])).toEqual([
      'pools[0].adapterArgs is an array of 3',
      'pools[0].env is an object',
      'pools[0].sise is not an option',
      'colour is not an option',
      'quux is not an option',
    ]);
    expect(messages[2]).toBe('pools[0].sise is not an option; did you mean "size"?');
  });

  test('a logger stays the object that the user made', () => {
    const logger = { debug: noop, info: noop, warn: noop, error: noop };
    const { given, messages } = read({ logger, pools: [{ name: 'a' }] });
    expect(messages).toEqual([]);
    expect(given?.top['logger']).toBe(logger);
  });

  test.each([[null], [7], [[]], ['x']])('%j is no configuration', (config) => {
    const { given, messages } = read(config);
    expect(given).toBeUndefined();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^the configuration is .*; it must be an object such as/);
  });
});

function noop(): void {
  // A log line goes nowhere.
}
