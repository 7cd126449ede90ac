// Jest's environment for Node, which also says when a test file leaves a timer or a handle open.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

const HANDLES =
  /^(TCPServerWrap|TCPSocketWrap|PipeWrap|UDPWrap|ProcessWrap|FSEventWrap|StatWatcher|Worker)$/;
// Only where something is open: it may be closing, and the machine busy.
const GRACE_MS = 10_000;
const POLL_MS = 10;

export default class extends TestEnvironment {
  #file;
  #handlesBefore = new Map();
  /** Timers that the test file and what it imports have started. Jest's own are not among them. */
  #timers = new Set();

  constructor(config, context) {
    super(config, context);
    this.#file = relative(config.globalConfig.rootDir, context.testPath);
  }

  async setup() {
    await super.setup();
    this.#watchTimers('setTimeout');
    this.#watchTimers('setInterval');
    await immediate(); // What the file before has closed is gone by then.
    this.#handlesBefore = openHandles();
  }

  async teardown() {
    await this.#reportWhatIsOpen();
    await super.teardown();
  }

  #watchTimers(name) {
    const start = this.global[name];
    this.global[name] = (...args) => {
      const timer = start(...args);
      this.#timers.add(timer);
      if (this.#timers.size > 1_000) this.#forgetEndedTimers();
      return timer;
    };
    // util.promisify finds the promise form by a symbol.
    Object.defineProperties(this.global[name], Object.getOwnPropertyDescriptors(start));
  }

  #forgetEndedTimers() {
    for (const timer of this.#timers) {
      // Node has no public way to ask whether a timer is over.
      if (timer._destroyed || !timer.hasRef()) this.#timers.delete(timer);
    }
  }

  async #reportWhatIsOpen() {
    const deadline = performance.now() + GRACE_MS;
    await delay(POLL_MS); // A server that has just been told to listen is not one yet.
    let open = this.#opened();
    while (open.length > 0 && performance.now() < deadline) {
      await delay(POLL_MS);
      open = this.#opened();
    }
    if (open.length === 0) return;
    const text = `${this.#file} left open: ${open.join(', ')}`;
    const folder = process.env.SNAKEPIT_TEST_REPORTS;
    if (folder === undefined) console.error(text);
    else writeFileSync(join(folder, `open-${this.#file.replaceAll(/[\\/]/g, '_')}`), text);
  }

  #opened() {
    this.#forgetEndedTimers();
    const timers = [...this.#timers].map(
      (timer) => `a timer of ${timer._idleTimeout} ms (${String(timer._onTimeout).slice(0, 60)})`,
    );
    const handles = [...openHandles()].flatMap(([kind, count]) => {
      const more = count - (this.#handlesBefore.get(kind) ?? 0);
      return more > 0 ? [`${more} × ${kind}`] : [];
    });
    return [...timers, ...handles];
  }
}

/** What keeps the event loop alive at this moment, counted by kind; without the standard streams of this process. */
function openHandles() {
  const kinds = process.getActiveResourcesInfo().filter((kind) => HANDLES.test(kind));
  const count = kinds.reduce((sum, kind) => sum.set(kind, (sum.get(kind) ?? 0) + 1), new Map());
  // Where Jest has several processes these are pipes, opened when somebody first looks at them.
  const own = process._getActiveHandles().filter(isStandardPipe).length;
  return count.has('PipeWrap') ? count.set('PipeWrap', count.get('PipeWrap') - own) : count;
}

function isStandardPipe({ fd, _handle: handle }) {
  return [0, 1, 2].includes(fd) && handle?.constructor?.name === 'Pipe';
}
