// Jest's environment for Node, which also says when a test file leaves a timer or a handle open.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

const LASTING =
  /^(Timeout|TCPServerWrap|TCPSocketWrap|PipeWrap|UDPWrap|ProcessWrap|FSEventWrap|StatWatcher|Worker)$/;
const GRACE_MS = 1_500;
const POLL_MS = 25;

/** What keeps the event loop alive at this moment, counted by kind. */
function openHandles() {
  const kinds = process.getActiveResourcesInfo().filter((kind) => LASTING.test(kind));
  return kinds.reduce((count, kind) => count.set(kind, (count.get(kind) ?? 0) + 1), new Map());
}

export default class extends TestEnvironment {
  #file;
  #before = new Map();

  constructor(config, context) {
    super(config, context);
    this.#file = relative(config.globalConfig.rootDir, context.testPath);
  }

  async setup() {
    await super.setup();
    this.#before = openHandles();
  }

  async teardown() {
    await this.#reportWhatIsOpen();
    await super.teardown();
  }

  async #reportWhatIsOpen() {
    const deadline = performance.now() + GRACE_MS;
    let open = this.#opened();
    while (open.length > 0 && performance.now() < deadline) {
      await delay(POLL_MS);
      await immediate(); // By then that timer itself is no longer counted.
      open = this.#opened();
    }
    if (open.length === 0) return;
    const text = `${this.#file} left open: ${open.join(', ')}`;
    const folder = process.env.SNAKEPIT_TEST_REPORTS;
    if (folder === undefined) console.error(text);
    else writeFileSync(join(folder, `open-${this.#file.replaceAll(/[\\/]/g, '_')}`), text);
  }

  #opened() {
    return [...openHandles()].flatMap(([kind, count]) => {
      const more = count - (this.#before.get(kind) ?? 0);
      return more > 0 ? [`${more} × ${kind}`] : [];
    });
  }
}
