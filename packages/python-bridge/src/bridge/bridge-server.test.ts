import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../../../test/fixtures/processes/census.mjs';
import { BridgeFixture, fixtureToken } from './bridge-server.fixture.ts';
import { bridgeServerName } from './bridge-server.ts';
import { sessionStoreName } from './session-store.ts';

let fixture: BridgeFixture;

beforeEach(async () => {
  fixture = await BridgeFixture.create();
});

afterEach(async () => {
  await fixture.close();
});

describe('bridgeServer', () => {
  test('listens on a socket that only this user can open, and removes it at the end', async () => {
    const pid = await fixture.startServer();
    const path = join(fixture.directory, 'bridge.sock');
    expect(fixture.endpoint).toEqual({ address: `unix:${path}`, token: fixtureToken });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await fixture.call('Ping', { message: 'hi' })).toMatchObject({
      message: 'pong: hi',
      server_time: { seconds: 1, nanos: 500_000_000 },
    });
    await fixture.end(pid, 'shutdown');
    expect(existsSync(path)).toBe(false);
    expect(fixture.endpoint).toBeUndefined();
  });

  test('killed, it leaves no open port, and its successor takes over the same path', async () => {
    const pid = await fixture.startServer();
    await fixture.call('Ping', {});
    await fixture.end(pid, 'kill');
    await expect(fixture.call('Ping', {})).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    await fixture.startServer();
    expect(await fixture.call('Ping', { message: 'again' })).toMatchObject({
      message: 'pong: again',
    });
  });

  test.each(['a socket', 'loopback'])(
    '[I4.6] killed while it begins to listen on %s, it leaves nothing that listens',
    async (kind) => {
      const listening = (): number =>
        process.getActiveResourcesInfo().filter((name) => /^(?:Pipe|TCPServer)Wrap$/u.test(name))
          .length;
      const before = listening();
      // It begins within so many turns, and is killed in each of them once.
      for (let turns = 0; turns < 20; turns += 1) {
        const started = fixture.startServer(kind === 'loopback' ? { directory: undefined } : {});
        const over = started.catch(() => undefined);
        for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
        const pid = fixture.system.whereis(bridgeServerName);
        if (pid !== undefined) await fixture.end(pid, 'kill');
        await over;
      }
      await until(() => listening() === before, 'everything to be closed');
      await fixture.startServer();
      expect(await fixture.call('Ping', {})).toMatchObject({ message: 'pong: ' });
    },
  );

  test('listens on loopback where there are no such sockets', async () => {
    await fixture.startServer({ directory: undefined });
    expect(fixture.endpoint?.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await fixture.call('Ping', {})).toMatchObject({ message: 'pong: ' });
  });

  test('does not start where it cannot listen, and says where', async () => {
    const missing = join(fixture.directory, 'none');
    const failure = await fixture.startServer({ directory: missing }).catch(String);
    expect(failure).toContain('[ENVIRONMENT]');
    expect(failure).toContain(`cannot listen on unix:${missing}/bridge.sock`);
  });

  test.each([
    [undefined, 'the call carries no x-snakepit-token'],
    ['wrong', 'the call carries a wrong x-snakepit-token'],
    ['', 'the call carries a wrong x-snakepit-token'],
  ])('refuses a call with the token %j', async (given, details) => {
    await fixture.startServer();
    let calls = 0;
    await fixture.register('hash', () => (calls += 1));
    await expect(fixture.execute('hash', {}, { token: given })).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details,
    });
    expect(calls).toBe(0);
  });

  test.each(['StreamTelemetry', 'ExecuteStreamingTool'])(
    '%s is answered with what there is instead',
    async (name) => {
      await fixture.startServer();
      // A unary request is a stream of one message.
      await expect(fixture.call(name, {})).rejects.toMatchObject({
        code: grpc.status.UNIMPLEMENTED,
        details: expect.stringContaining('ExecuteElixirTool for tools of registerTool()'),
      });
    },
  );
});

describe('sessions', () => {
  test('are made, looked at, kept alive and removed', async () => {
    await fixture.startServer();
    const made = { session_id: 's1', metadata: { user: '42' } };
    expect(await fixture.call('InitializeSession', made)).toMatchObject({ success: true });
    expect(await fixture.call('InitializeSession', made)).toMatchObject({ success: true });
    await fixture.register('hash', () => 1);
    const session = await fixture.call('GetSession', { session_id: 's1' });
    expect(session).toMatchObject({ session_id: 's1', metadata: { user: '42' }, tool_count: 1 });
    expect(await fixture.call('Heartbeat', { session_id: 's1' })).toMatchObject({
      session_valid: true,
    });
    expect(await fixture.call('CleanupSession', { session_id: 's1' })).toEqual({
      success: true,
      resources_cleaned: 1,
    });
    expect(await fixture.call('CleanupSession', { session_id: 's1' })).toMatchObject({
      success: true,
    });
    expect(await fixture.call('Heartbeat', { session_id: 's1' })).toMatchObject({
      session_valid: false,
    });
    await expect(fixture.call('GetSession', { session_id: 's1' })).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'there is no session "s1"',
    });
  });

  test('are refused without an id and beyond the limit', async () => {
    await fixture.startServer();
    await expect(fixture.call('InitializeSession', {})).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
    });
    await fixture.call('InitializeSession', { session_id: 'a' });
    await fixture.call('InitializeSession', { session_id: 'b' });
    await expect(fixture.call('InitializeSession', { session_id: 'c' })).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: 'there are 2 sessions already, which is the limit',
    });
  });

  test('without the store the answer is an error, not silence', async () => {
    await fixture.startServer();
    const store = fixture.system.whereis(sessionStoreName);
    if (store === undefined) throw new Error('no store');
    await fixture.end(store, 'kill');
    await expect(fixture.call('Heartbeat', { session_id: 's' })).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
    });
  });

  test('[I5.6] no session of any size is kept for a peer', async () => {
    await fixture.startServer();
    const large = [
      { session_id: 'x'.repeat(257) },
      { session_id: 's1', metadata: { text: 'x'.repeat(4096) } },
    ];
    for (const request of large) {
      await expect(fixture.call('InitializeSession', request)).rejects.toMatchObject({
        code: grpc.status.INVALID_ARGUMENT,
      });
    }
    expect(await fixture.call('Heartbeat', { session_id: 's1' })).toMatchObject({
      session_valid: false,
    });
  });
});
