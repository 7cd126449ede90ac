// A web service that calls Python, as it is deployed: probes from the first moment on, and an end in order.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { healthHandler } from '@snakepit/observer';
import { isSnakepitError, Snakepit } from 'snakepit';
import config from './snakepit.config.mjs';

/** @type {{ snakepit?: Snakepit }} */
const running = {};
const health = healthHandler(() => running.snakepit?.system);
const server = createServer((request, response) => {
  health(request, response, () => void answer(request, response));
});

// From here on, so that there is no moment in which the signal ends Node as it is.
const told = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
server.listen(Number(process.env['PORT'] ?? 8080), process.env['HOST'] ?? '127.0.0.1');
await once(server, 'listening');
const address = /** @type {import('node:net').AddressInfo} */ (server.address());
console.log(`listening on port ${address.port}`);

// Whoever has an end of its own for signals says so, and stops Snakepit at its place in that.
running.snakepit = await Snakepit.start({ ...config, handleSignals: false });
console.log('ready');

await told;
// Nobody new; who waits for an answer gets it; then the workers.
const closed = once(server, 'close');
server.close();
setTimeout(() => server.closeAllConnections(), 12_000).unref();
await closed;
await running.snakepit.stop();
console.log('stopped');

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
async function answer(request, response) {
  const asked = new URL(request.url ?? '/', 'http://service').searchParams;
  const args = { text: asked.get('text') ?? '', seconds: Number(asked.get('seconds') ?? 0) };
  if (running.snakepit === undefined) return refuse(response, 503);
  try {
    response.end(String(await running.snakepit.execute('words', args)));
  } catch (error) {
    console.error(error);
    // What is of the moment may succeed a little later, or elsewhere.
    refuse(response, isSnakepitError(error) && error.retryable ? 503 : 500);
  }
}

/** @param {import('node:http').ServerResponse} response @param {number} status */
function refuse(response, status) {
  response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end();
}
