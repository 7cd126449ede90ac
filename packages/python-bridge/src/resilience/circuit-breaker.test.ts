import { expect, test } from '@jest/globals';
import { createSystem, createTestClock, exitReason, silentLogger } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import { bridgeError } from '../errors.ts';
import { circuitBreakerName, createCircuitBreaker } from './circuit-breaker.ts';

const settings = {
  failureThreshold: 3,
  failureWindowMs: 1_000,
  resetTimeoutMs: 500,
  halfOpenMaxCalls: 1,
  countTimeouts: false,
  countExceptions: false,
};
const crashed = bridgeError('WORKER_CRASHED', { reason: 'it crashed' });
const raised = bridgeError('PYTHON_EXCEPTION', {
  ...{ type: 'ValueError', module: 'builtins', message: 'no', traceback: '' },
});
const cancelled = bridgeError('CANCELLED', {});

async function bench(own: Partial<typeof settings> = {}) {
  const clock = createTestClock();
  const system = createSystem({ clock, logger: silentLogger });
  const breaker = createCircuitBreaker({ system, pool: 'p', settings: { ...settings, ...own } });
  const heard: string[] = [];
  for (const name of ['opened', 'half_open', 'closed'] as const) {
    system.telemetry.on(`snakepit.circuit_breaker.${name}`, () => void heard.push(name));
  }
  const starting = Supervisor.start(system, {
    name: 'top',
    strategy: 'oneForOne',
    children: [breaker.spec],
  });
  await clock.advance(0);
  await starting;
  /** A call that ends in this way; whether it was let through. */
  const call = async (error?: Error): Promise<boolean> => {
    if (breaker.refusal('t') !== undefined) return false;
    breaker.leave(breaker.enter(), error);
    await clock.advance(0);
    return true;
  };
  const stop = async (): Promise<void> => {
    const stopped = system.stop();
    await clock.advance(0);
    await stopped;
    expect(clock.pending).toBe(0);
  };
  return { clock, system, breaker, heard, call, stop };
}

test('[I5.9] it opens after so many failures, says when to try again, tries, and closes', async () => {
  const { clock, breaker, heard, call, stop } = await bench();
  for (let i = 0; i < 3; i++) expect(await call(crashed)).toBe(true);
  await clock.advance(100);
  const error = breaker.refusal('t') as Error & { readonly remedy?: string };
  expect(error).toMatchObject({
    code: 'CIRCUIT_OPEN',
    details: { retryAfterMs: 400 },
    cause: crashed,
  });
  expect(error.message).toContain('try again in 400 ms');
  await clock.advance(400);
  // One may try, and while it does the others wait.
  const ticket = breaker.enter();
  expect(breaker.refusal('t')).toMatchObject({
    code: 'CIRCUIT_OPEN',
    details: { retryAfterMs: 0 },
  });
  breaker.leave(ticket, crashed);
  await clock.advance(0);
  expect(await call()).toBe(false);
  await clock.advance(500);
  // Somebody who gives up has tried nothing; what the tool raised shows that a worker serves.
  expect(await call(cancelled)).toBe(true);
  expect(await call(raised)).toBe(true);
  expect(heard).toEqual(['opened', 'half_open', 'opened', 'half_open', 'closed']);
  for (let i = 0; i < 2; i++) expect(await call(crashed)).toBe(true);
  expect(await call()).toBe(true);
  await stop();
});

test('[I5.9] a call that was let through to try may be tried again, and its failure opens it again', async () => {
  const { clock, breaker, heard, call, stop } = await bench();
  const earlier = breaker.enter();
  for (let i = 0; i < 3; i++) await call(crashed);
  await clock.advance(500);
  const ticket = breaker.enter();
  expect([breaker.refusal('t', ticket), breaker.refusal('t', earlier)]).toMatchObject([
    undefined,
    { code: 'CIRCUIT_OPEN' },
  ]);
  breaker.leave(ticket, crashed);
  await clock.advance(0);
  expect(breaker.refusal('t', ticket)).toMatchObject({ code: 'CIRCUIT_OPEN' });
  expect(heard).toEqual(['opened', 'half_open', 'opened']);
  await stop();
});

test('[I5.9] failures that lie further apart than the window never open it; nor do exceptions of tools', async () => {
  const { clock, heard, call, stop } = await bench();
  for (let i = 0; i < 20; i++) {
    expect([await call(crashed), await call(raised)]).toEqual([true, true]);
    await clock.advance(500);
  }
  expect(heard).toEqual([]);
  await stop();
});

test('[I5.9] timeouts and exceptions count when asked for', async () => {
  const late = bridgeError('TIMEOUT', { operation: 'it', timeoutMs: 1, option: 'x' });
  const deaf = await bench();
  for (let i = 0; i < 9; i++) expect(await deaf.call(late)).toBe(true);
  await deaf.stop();
  const strict = await bench({ countTimeouts: true, countExceptions: true });
  for (const error of [late, raised, late]) expect(await strict.call(error)).toBe(true);
  expect(await strict.call()).toBe(false);
  await strict.stop();
});

test('[I5.9] what was let through earlier has no say later; one that never ends does not block the next try', async () => {
  const { clock, breaker, heard, call, stop } = await bench();
  const old = breaker.enter();
  for (let i = 0; i < 3; i++) await call(crashed);
  await clock.advance(500);
  breaker.leave(old, undefined);
  await clock.advance(0);
  expect(heard).toEqual(['opened', 'half_open']);
  breaker.enter();
  expect(breaker.refusal('t')).toBeDefined();
  await clock.advance(500);
  expect(await call()).toBe(true);
  expect(heard).toEqual(['opened', 'half_open', 'half_open', 'closed']);
  await stop();
});

test('[I5.9] killed while open, it begins closed', async () => {
  const { clock, system, call, stop } = await bench();
  for (let i = 0; i < 3; i++) await call(crashed);
  expect(await call()).toBe(false);
  const pid = system.whereis(circuitBreakerName('p'));
  if (pid !== undefined) system.exit(pid, exitReason.kill);
  await clock.advance(0);
  expect(await call()).toBe(true);
  await stop();
});
