import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import grpc from '@grpc/grpc-js';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type TestClock,
} from '@snakepit/core';
import { until } from '../../../../test/fixtures/processes/census.mjs';
import { bridgeService } from '../bridge/service-definition.ts';
import type { TelemetryControl__Output } from '../gen/snakepit/bridge/TelemetryControl.ts';
import type { TelemetryEvent } from '../gen/snakepit/bridge/TelemetryEvent.ts';
import './events.ts';
import { createEventSources, type EventSource, type EventSources } from './event-sources.ts';
import type { PythonEvent } from './python-events.ts';
import { telemetryStream, type TelemetryStreamInput } from './telemetry-stream.ts';

jest.setTimeout(30_000);

type WorkerCall = grpc.ServerDuplexStream<TelemetryControl__Output, TelemetryEvent>;

/** A worker that says what a test wants: a real server, which need not be well-behaved. */
class FakeWorker {
  readonly controls: TelemetryControl__Output[] = [];
  readonly calls: WorkerCall[] = [];
  readonly tokens: unknown[] = [];
  readonly #server = new grpc.Server();
  port = 0;

  async listen(): Promise<void> {
    this.#server.addService(bridgeService(), {
      StreamTelemetry: (call: WorkerCall) => {
        this.calls.push(call);
        this.tokens.push(call.metadata.get('x-snakepit-token')[0]);
        call.on('data', (control: TelemetryControl__Output) => this.controls.push(control));
        call.on('error', () => undefined);
      },
    });
    this.port = await new Promise((resolve, reject) => {
      this.#server.bindAsync(
        '127.0.0.1:0',
        grpc.ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        },
      );
    });
  }

  source(workerId = 'w1'): EventSource {
    const address = `127.0.0.1:${String(this.port)}`;
    return { pool: 'default', workerId, address, token: 'secret', tls: undefined };
  }

  /** The stream that is open now. */
  async call(): Promise<WorkerCall> {
    await until(() => this.calls.length > 0, 'a stream');
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('there is no stream');
    return call;
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

const everything = { enabled: true, sampling: 0.5, sampled: ['x.*'], allow: [], deny: ['no.*'] };

let system: ActorSystem;
let worker: FakeWorker;
let sources: EventSources;
beforeEach(async () => {
  system = createSystem({ logger: silentLogger });
  worker = new FakeWorker();
  sources = createEventSources();
  await worker.listen();
});
afterEach(async () => {
  await system.stop();
  worker.close();
});

function start(
  settings: TelemetryStreamInput['settings'] = everything,
): ReturnType<typeof system.spawn> {
  return system.spawn(telemetryStream, { sources, settings });
}

/** From now on a second is over when the test says so, however long the machine takes for what happens in it. */
async function holdTime(): Promise<TestClock> {
  await system.stop();
  const clock = createTestClock();
  system = createSystem({ logger: silentLogger, clock });
  return clock;
}

function hear(): (PythonEvent['metadata'] & { readonly numbers: unknown })[] {
  const heard: (PythonEvent['metadata'] & { readonly numbers: unknown })[] = [];
  system.telemetry.on('snakepit.python.event', (numbers, metadata) => {
    heard.push({ numbers, ...metadata });
  });
  return heard;
}

describe('the process that takes events of Python', () => {
  test('[R9.4] [I6.1] asks a worker only while somebody listens, and says what is wanted', async () => {
    start();
    sources.add(worker.source());
    const off = system.telemetry.on('snakepit.python.error.occurred', () => undefined);
    const call = await worker.call();
    await until(() => worker.controls.length === 3, 'the controls');
    expect(worker.tokens).toEqual(['secret']);
    expect(worker.controls).toMatchObject([
      { filter: { allow: [], deny: ['no.*'] } },
      { sampling: { sampling_rate: 0.5, event_patterns: ['x.*'] } },
      { toggle: { enabled: true } },
    ]);
    off();
    await until(() => call.cancelled, 'the end of the stream');
    system.telemetry.on('snakepit.python.error.occurred', () => undefined);
    await until(() => worker.calls.length === 2, 'another stream');
    system.telemetry.disable('snakepit.python.*');
    await until(() => worker.calls[1]?.cancelled, 'the end of that, too');
  });

  test('[I6.1] takes nothing from what a hostile worker says but short texts and numbers', async () => {
    const heard = hear();
    start();
    sources.add(worker.source());
    const call = await worker.call();
    const long = 'x'.repeat(5_000);
    call.write({
      event_parts: ['__proto__', 'constructor'],
      measurements: {
        ...Object.fromEntries([['__proto__', { int_value: 1 }]]),
        text: { string_value: 'no number' },
        ...Object.fromEntries(
          Array.from({ length: 100 }, (_, n) => [`k${String(n)}`, { float_value: n }]),
        ),
      },
      metadata: { pool: 'another', workerId: 'another', toString: 'x', [long]: long },
      correlation_id: long,
    });
    call.write({ event_parts: ['no', 'thanks'] });
    call.write({ event_parts: ['python', 'telemetry', 'interrupted'] });
    call.write({ event_parts: Array.from({ length: 1_000 }, () => long.slice(0, 50)) });
    await until(() => heard.length === 3, 'three events');
    const [first, second, third] = heard;
    expect(first).toMatchObject({
      pool: 'default',
      workerId: 'w1',
      event: '__proto__.constructor',
    });
    expect(Object.keys(first?.numbers ?? {}).length).toBeLessThanOrEqual(32);
    expect(Object.getPrototypeOf(first?.tags)).toBeNull();
    expect({ ...first?.tags }).toHaveProperty('toString', 'x');
    expect(first?.correlationId).toHaveLength(512);
    expect(
      Object.entries(first?.tags ?? {}).every(([k, v]) => k.length <= 64 && v.length <= 512),
    ).toBe(true);
    expect(second?.event).toBe('python.telemetry.interrupted');
    expect(third?.event).toHaveLength(128);
    expect(({} as Record<string, unknown>)['k1']).toBeUndefined();
  });

  test('[I6.1] takes a thousand events in a second, and lets the rest wait at the worker', async () => {
    const clock = await holdTime();
    const heard = hear();
    start();
    sources.add(worker.source());
    const call = await worker.call();
    for (let n = 0; n < 1_500; n++) call.write({ event_parts: ['flood'], timestamp_ns: n });
    await until(() => heard.length >= 1_000, 'the first thousand');
    await clock.advance(999);
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toHaveLength(1_000);
    await clock.advance(1);
    await until(() => heard.length === 1_500, 'the rest');
  });

  test('[I6.1] hears what a worker told at its end, when that was more than is taken in a second', async () => {
    await holdTime();
    const heard = hear();
    start();
    const leave = sources.add(worker.source());
    const call = await worker.call();
    for (let n = 0; n < 1_100; n++) call.write({ event_parts: ['flood'], timestamp_ns: n });
    call.end();
    await until(() => heard.length >= 1_000, 'the first thousand');
    // Its process is gone.
    leave();
    await until(() => heard.length === 1_100, 'the rest');
  });

  test('[I6.1] opens a stream again that failed, and tells of it; not one that the worker ended', async () => {
    const told: unknown[] = [];
    system.telemetry.on('snakepit.python.telemetry.interrupted', (measurements, metadata) => {
      told.push([measurements, metadata]);
    });
    const heard = hear();
    start();
    const leave = sources.add(worker.source());
    const call = await worker.call();
    call.emit('error', { code: grpc.status.INTERNAL, details: 'broken' });
    await until(() => worker.calls.length === 2, 'another stream');
    expect(told).toEqual([
      [
        { count: 1, retryMs: 500 },
        { pool: 'default', workerId: 'w1', reason: 'broken' },
      ],
    ]);
    worker.calls[1]?.write({ event_parts: ['after'] });
    worker.calls[1]?.end();
    await until(() => heard.length === 1, 'an event of the second');
    const other = sources.add(worker.source('w2'));
    await until(() => worker.calls.length === 3, 'the stream of another worker');
    leave();
    other();
    await until(() => worker.calls[2]?.cancelled, 'its end, when the worker is gone');
    expect(worker.calls).toHaveLength(3);
  });

  test('[I6.1] killed, it leaves no stream; started again, it finds the workers', async () => {
    const heard = hear();
    sources.add(worker.source());
    const first = start();
    const call = await worker.call();
    system.exit(first, exitReason.kill);
    await until(() => call.cancelled, 'the end of its stream');
    start();
    await until(() => worker.calls.length === 2, 'a stream of the second');
    worker.calls[1]?.write({ event_parts: ['again'] });
    await until(() => heard.length === 1, 'an event');
  });

  test('[R9.4] switched off, it asks nobody', async () => {
    hear();
    start({ ...everything, enabled: false });
    sources.add(worker.source());
    const on = start();
    await worker.call();
    system.exit(on, exitReason.shutdown);
    expect(worker.calls).toHaveLength(1);
  });
});
