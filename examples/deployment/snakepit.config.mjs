// What the service runs with. `npx snakepit doctor` in this folder reads it, too.

/** @type {import('snakepit').SnakepitConfig} */
export default {
  pools: [
    {
      name: 'default',
      size: 2,
      adapter: 'text_adapter.Text',
      // Whoever asks waits no longer than this, in the queue and in Python together.
      requestTimeout: 10_000,
      // What is beyond is refused at once, so that load shows where it can be shed.
      maxQueueSize: 100,
      // With termTimeout the longest that a stop takes; unit and pod give more time than that.
      gracefulShutdownTimeout: 15_000,
      recycle: { maxMemoryBytes: 512 * 1024 * 1024 },
    },
  ],
};
