import { setTimeout as sleep } from 'node:timers/promises';
import { PendingCalls } from './pending-calls.mjs';
import { createRandom } from './random.mjs';

/** How long a call may take unless it says so itself, in milliseconds; after that it has an answer, or it is lost. */
const TIMEOUT_MS = 8_000;
/** Pause after a failure, in milliseconds: a system in trouble is not asked as fast as this machine can. */
const PAUSE_MS = 20;

/** A steady stream of calls, some of which may run twice, and a count of what becomes of them. */
export class Load {
  #snakepit;
  #random;
  #pending;
  #isOn = false;
  #sent = 0;
  #succeeded = 0;
  #lost = 0;
  #failed = {};

  constructor({ snakepit, seed, onLost }) {
    this.#snakepit = snakepit;
    this.#random = createRandom(seed);
    this.#pending = new PendingCalls((call) => {
      this.#lost += 1;
      onLost(call);
    });
  }

  /** `unanswered`: neither answered nor given up by us yet. */
  get counts() {
    const [sent, succeeded, failed] = [this.#sent, this.#succeeded, this.#failed];
    return { sent, succeeded, failed, lost: this.#lost, unanswered: this.#pending.size };
  }

  async call(tool, args, options = {}) {
    const timeout = options.timeout ?? TIMEOUT_MS;
    this.#sent += 1;
    const forget = this.#pending.begin(tool, timeout);
    try {
      const value = await this.#snakepit.execute(tool, args, { ...options, timeout });
      this.#succeeded += 1;
      return value;
    } catch (error) {
      this.#failed[error.code] = (this.#failed[error.code] ?? 0) + 1;
      throw error;
    } finally {
      forget();
    }
  }

  /** Begins to call, so many calls at a time. */
  begin(width) {
    this.#isOn = true;
    for (let lane = 0; lane < width; lane += 1) void this.#callAgainAndAgain();
  }

  /** No new calls; resolves when each of the others is answered or lost. */
  async end() {
    this.#isOn = false;
    await this.#pending.settled();
  }

  async #callAgainAndAgain() {
    while (this.#isOn) {
      const tool = this.#random.pick(['work', 'work', 'compute', 'wait']);
      const args = { ms: this.#random.integer(1, 60) };
      try {
        await this.call(tool, args, { idempotent: this.#random.chance(0.5) });
      } catch {
        await sleep(PAUSE_MS);
      }
    }
  }
}
