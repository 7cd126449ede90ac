import { attachDefaultHandlers, createTelemetry, Snakepit } from 'snakepit';

// Whoever attaches before the start hears that, too.
const bus = createTelemetry();
bus.on('snakepit.worker.started', (measurements, { pool, workerId }) => {
  console.log(`${workerId} of ${pool} serves:`, measurements.startupMs > 0);
});

await using snakepit = await Snakepit.start({
  telemetry: {
    bus,
    disabled: ['snakepit.worker.heartbeat.*'],
    python: { deny: ['python.worker.*'] },
  },
  pools: [{ name: 'default', size: 1, adapter: 'telling_adapter.Telling' }],
});
const { telemetry } = snakepit.system;

// What Python tells: names of its own are all one event here.
telemetry.on('snakepit.python.event', (measurements, { event, tags }) => {
  console.log(event, Object.keys(measurements), { ...tags });
});
const told = new Promise<void>((resolve) => {
  telemetry.on('snakepit.python.event', (_, { event }) => {
    if (event === 'database.query.stop') resolve();
  });
});
const found = snakepit.execute('look_up', { key: 'ada' });
// Events come by a way of their own, before or after the result.
await told;
console.log(await found);

// One line for each event, from a level on; here to the console and not to the logger of the system.
const detach = attachDefaultHandlers(
  {
    telemetry,
    logger: { ...console, debug: (name) => console.log(name) },
  },
  { level: 'debug' },
);
telemetry.disable('snakepit.python.*');
telemetry.disable('snakepit.process.*');
await snakepit.execute('look_up', { key: 'grace' });
detach();
