import { describe, expect, test } from '@jest/globals';
import { createSystem, createTelemetry, defineTask, exitReason, silentLogger } from '../index.ts';

const exited = 'snakepit.process.exited';
const spawned = 'snakepit.process.spawned';

describe('telemetry', () => {
  test('tells of processes that begin and end, with measurements and metadata', async () => {
    const system = createSystem({ logger: silentLogger });
    const events: unknown[] = [];
    system.telemetry.attachMany([spawned, exited], (measurements, metadata, name) => {
      events.push({ name, measurements, metadata });
    });
    const pid = system.spawn(
      defineTask(() => 1, { name: 'sum' }),
      undefined,
      { name: 'one' },
    );
    await system.awaitExit(pid);
    const metadata = { pid, behaviour: 'task', name: 'one' };
    expect(events).toEqual([
      {
        name: spawned,
        measurements: { count: 1 },
        metadata: { ...metadata, parent: expect.objectContaining({ id: 0 }) },
      },
      {
        name: exited,
        measurements: { count: 1, turns: 2 },
        metadata: { ...metadata, reason: exitReason.normal },
      },
    ]);
    await system.stop();
  });

  test('on returns what stops it; so do attachMany and detach', () => {
    const telemetry = createTelemetry();
    const heard: string[] = [];
    const hear = (_: unknown, metadata: { readonly name: string | undefined }): void => {
      heard.push(metadata.name ?? '');
    };
    const emit = (name: string): void => {
      const pid = expect.anything() as never;
      telemetry.emit(spawned, { count: 1 }, { pid, parent: pid, behaviour: 'task', name });
    };
    expect(telemetry.enabled(spawned)).toBe(false);
    const off = telemetry.on(spawned, hear);
    const offMany = telemetry.attachMany([spawned, exited], hear);
    expect(telemetry.enabled(spawned)).toBe(true);
    emit('both');
    off();
    off();
    emit('one');
    offMany();
    emit('none');
    expect(heard).toEqual(['both', 'both', 'one']);
    telemetry.on(spawned, hear);
    telemetry.on(exited, hear);
    telemetry.detach<typeof spawned | typeof exited>(hear);
    telemetry.detach<typeof spawned | typeof exited>(hear);
    expect([telemetry.enabled(spawned), telemetry.enabled(exited)]).toEqual([false, false]);
  });

  test('[SYS-009] a handler that throws is reported, and changes nothing', async () => {
    const warnings: string[] = [];
    const system = createSystem({
      logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    });
    const heard: string[] = [];
    system.telemetry.on(exited, () => {
      throw new Error('boom');
    });
    system.telemetry.on(exited, (_, { behaviour }) => heard.push(behaviour));
    const pid = system.spawn(defineTask(() => 1));
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.normal);
    expect(heard).toEqual(['task']);
    expect(warnings).toEqual([`a telemetry handler of ${exited} failed`]);
    await system.stop();
  });

  test('a bus of its own swallows what handlers throw', () => {
    const telemetry = createTelemetry();
    telemetry.on(spawned, () => {
      throw new Error('boom');
    });
    const pid = expect.anything() as never;
    telemetry.emit(spawned, { count: 1 }, { pid, parent: pid, behaviour: 'task', name: undefined });
  });
});
