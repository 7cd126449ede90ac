// A runtime reduced to what Python can reach of it. It says where that is, and lives until its stdin ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, silentLogger } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import {
  bridgeServer,
  bridgeServerName,
  type BridgeEndpoint,
} from '../../../packages/python-bridge/src/bridge/bridge-server.ts';
import { createOriginalBridge } from '../../../packages/python-bridge/src/bridge/original-bridge.ts';
import {
  sessionStore,
  sessionStoreName,
} from '../../../packages/python-bridge/src/bridge/session-store.ts';
import {
  toolRegistry,
  toolRegistryName,
} from '../../../packages/python-bridge/src/bridge/tool-registry.ts';
import { createToolTable } from '../../../packages/python-bridge/src/bridge/tool-table.ts';

const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
const system = createSystem({ logger: silentLogger });
const originals = createOriginalBridge();
let endpoint: BridgeEndpoint | undefined;
const input = {
  directory,
  token: 'c0ffee'.repeat(10),
  onListening: (now: BridgeEndpoint | undefined): void => {
    endpoint = now;
  },
};
await Supervisor.start(system, {
  children: [
    { id: 'sessions', name: sessionStoreName, start: [sessionStore, { maxSessions: 1_000 }] },
    { id: 'tools', name: toolRegistryName, start: [toolRegistry, createToolTable({})] },
    { id: 'bridge', name: bridgeServerName, start: [bridgeServer, input] },
    originals.spec,
  ],
});

process.stdin.resume().once('end', () => {
  void system.stop().then(() => {
    rmSync(directory, { recursive: true });
    process.exit(0);
  });
});
const said = {
  bridge: endpoint,
  originals: { address: originals.address(), token: originals.sessions.open() },
};
process.stdout.write(`${JSON.stringify(said)}\n`);
