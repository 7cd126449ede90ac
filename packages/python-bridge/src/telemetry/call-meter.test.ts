import { describe, expect, test } from '@jest/globals';
import { createTestClock, type MetricAttributes, type RecordValue } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { CallMeter, type MeteredCall } from './call-meter.ts';

/** Keeps what each series was told. */
function listener() {
  const told: (readonly [Readonly<MetricAttributes>, number])[] = [];
  const series =
    (attributes: MetricAttributes): RecordValue =>
    (seconds) => {
      told.push([attributes, seconds]);
    };
  return { told, series };
}

describe('CallMeter', () => {
  test('[I6.3] tells how long a call waited, once, and how long it took, by its outcome', async () => {
    const clock = createTestClock();
    const meter = new CallMeter('default');
    const waits = listener();
    const durations = listener();
    meter.measureWaits(waits.series);
    meter.measureDurations(durations.series);
    const call: { -readonly [K in keyof MeteredCall]: MeteredCall[K] } = {
      ...{ madeAtMs: clock.now(), attempts: 0 },
    };
    await clock.advance(250);
    call.attempts = 1;
    meter.began(call, clock);
    await clock.advance(500);
    call.attempts = 2;
    meter.began(call, clock);
    await clock.advance(250);
    meter.ended(call, clock, undefined);
    meter.ended(call, clock, bridgeError('SHUTTING_DOWN', {}));
    meter.ended(call, clock, bridgeError('CANCELLED', { pool: 'default', tool: 'add' }));
    expect(waits.told).toEqual([[{ pool: 'default' }, 0.25]]);
    expect(durations.told).toEqual([
      [{ pool: 'default', outcome: 'succeeded' }, 1],
      [{ pool: 'default', outcome: 'failed' }, 1],
      [{ pool: 'default', outcome: 'cancelled' }, 1],
    ]);
  });

  test('[I6.3] a call that no worker had has waited until its end', async () => {
    const clock = createTestClock();
    const meter = new CallMeter('default');
    const waits = listener();
    meter.measureWaits(waits.series);
    const call = { madeAtMs: clock.now(), attempts: 0 };
    await clock.advance(5_000);
    meter.ended(call, clock, bridgeError('SHUTTING_DOWN', {}));
    expect(waits.told).toEqual([[{ pool: 'default' }, 5]]);
  });

  test('[I6.3] several may listen; when the last has gone, not even the clock is read', () => {
    const meter = new CallMeter('default');
    const [first, second] = [listener(), listener()];
    const ends = [
      meter.measureWaits(first.series),
      meter.measureDurations(first.series),
      meter.measureWaits(second.series),
    ];
    const call = { madeAtMs: 0, attempts: 1 };
    let reads = 0;
    const clock = { ...createTestClock(), now: () => (reads += 1) };
    meter.began(call, clock);
    expect([reads, first.told.length, second.told.length]).toEqual([1, 1, 1]);
    for (const end of ends) end();
    meter.began(call, clock);
    meter.ended(call, clock, undefined);
    expect([reads, first.told.length, second.told.length]).toEqual([1, 1, 1]);
  });
});
