// A Snakepit to look at in a browser: its workers are busy now and then.
//
//   npm run example -- visualiser                until Ctrl-C
//   npm run example -- visualiser --seconds 60   for a minute
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { observe } from '@snakepit/observer';
import { Snakepit } from 'snakepit';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: 'Infinity' } } });
const over = new AbortController();
process.once('SIGINT', () => over.abort());
if (Number(values.seconds) < Infinity) {
  setTimeout(() => over.abort(), Number(values.seconds) * 1_000);
}

const snakepit = await Snakepit.start({
  handleSignals: false,
  pools: [{ name: 'default', size: 3, adapter: 'sleepy_adapter.SleepyAdapter' }],
});
const observer = await observe(snakepit.system, { actions: true });
console.log(`Open ${observer.url}`);
try {
  while (!over.signal.aborted) {
    await snakepit.execute('nap', { seconds: 0.5 });
    await sleep(500, undefined, { signal: over.signal }).catch(() => undefined);
  }
} finally {
  await observer.close();
  await snakepit.stop();
}
