// Health for Kubernetes and for people, in a server of your own; and being told of what is not as usual.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { healthHandler, watchAnomalies, type WorkersHealth } from '@snakepit/observer';
import { Snakepit } from 'snakepit';

const running: { snakepit?: Snakepit } = {};
// Before there is a system it is alive, and neither ready nor started.
const health = healthHandler(() => running.snakepit?.system, { details: true });
const server = createServer((request, response) => {
  health(request, response, () => response.end('the application'));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);

console.log('starting:', (await ask('/livez')).status, (await ask('/readyz')).status);

const snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 2, adapter: 'quick_adapter.Quick' }],
});
running.snakepit = snakepit;
console.log('started:', (await ask('/livez')).status, (await ask('/readyz')).status);

const { counts } = (await (await ask('/health/workers')).json()) as WorkersHealth;
console.log('workers:', counts.ok, 'of', counts.total, 'are well');

const { system } = snakepit;
const anomalies = watchAnomalies(system);
system.telemetry.on('snakepit.anomaly.detected', (_, { message, advice }) => {
  console.log(`page somebody: ${message}; ${advice}`);
});
console.log('anomalies:', anomalies.active().length);

anomalies.stop();
await snakepit.stop();
server.close();
server.closeAllConnections();
