import { describe, expect, test } from '@jest/globals';
import { exitReason, Registry, type Pid, type RegistryOptions } from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';
import { startRegistry } from './registry.fixture.ts';

describe('start', () => {
  const faults: readonly [string, unknown, string][] = [
    [
      'nothing',
      undefined,
      'the options of a registry undefined cannot be used: they are an object',
    ],
    ['no name', { keys: 'unique' }, 'the name of a registry undefined cannot be used'],
    ['an empty name', { name: '', keys: 'unique' }, 'it must be a string that is not empty'],
    ['a pid as name', { name: 7, keys: 'unique' }, 'the name of a registry 7 cannot be used'],
    ['no keys', { name: 'q' }, 'registry "q": the option keys undefined cannot be used'],
    ['other keys', { name: 'q', keys: 'bag' }, "it must be 'unique' or 'duplicate'"],
    ['no partition', { name: 'q', keys: 'unique', partitions: 0 }, 'it must be a whole number ≥ 1'],
    [
      'half a one',
      { name: 'q', keys: 'unique', partitions: 1.5 },
      'registry "q": the option partitions 1.5 cannot',
    ],
    ['a listener', { name: 'q', keys: 'unique', listeners: 'ear' }, 'it must be a list of names'],
    [
      'odd listeners',
      { name: 'q', keys: 'unique', listeners: [1] },
      'registry "q": the option listeners [1]',
    ],
  ];
  test.each(faults)('with %s is refused, and nothing runs', async (_, options, message) => {
    const system = quietSystem();
    const given = options as RegistryOptions;
    const refusal = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) };
    await expect(Registry.start(system, given)).rejects.toMatchObject(refusal);
    await expect(reasonOf(system.start(Registry, given))).resolves.toMatchObject({
      kind: 'error',
      error: refusal,
    });
    expect([...system.processes()]).toEqual([]);
    await system.stop();
  });

  test('[NAM-004] under a taken name fails with the holder’s pid, however it is started', async () => {
    const { system, registry, a } = await startRegistry();
    await expect(
      reasonOf(Registry.start(system, { name: 'r', keys: 'duplicate' })),
    ).resolves.toEqual(exitReason.alreadyStarted(registry));
    await expect(
      reasonOf(system.start(Registry, { name: 'r', keys: 'duplicate' })),
    ).resolves.toMatchObject({ error: { details: { value: 'r' } } });
    // The one that runs was not touched.
    await expect(a.call.runNow((self) => Registry.register(self, 'r', 'x'))).resolves.toMatchObject(
      { ok: true },
    );
    await system.stop();
  });

  test('as any behaviour, it has its name too', async () => {
    const system = quietSystem();
    const starter = await system.start(probe, {});
    const pid = (await starter.call.runNow((self) =>
      self.spawnLink(Registry, { name: 'r', keys: 'unique' }),
    )) as Pid;
    await settle();
    expect(system.whereis('r')).toBe(pid);
    expect(Registry.count(system, 'r')).toBe(0);
    expect(Registry.nameIn({ name: 'r' })).toBe('r');
    expect([undefined, null, {}, { name: 1 }].map((one) => Registry.nameIn(one))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await system.stop();
  });
});
