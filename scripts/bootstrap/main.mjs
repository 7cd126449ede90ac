import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledStep } from './compiled.mjs';
import { takeLock } from './lock.mjs';
import { nodeModulesStep } from './node-modules.mjs';
import { SetupProblem } from './problem.mjs';
import { pythonEnvironmentStep } from './python-environment.mjs';

/**
 * @typedef {object} Context What a step may know.
 * @property {string} root of the repository
 * @property {NodeJS.ProcessEnv} env
 * @property {AbortSignal} signal aborted when the user interrupts
 */

/**
 * @typedef {object} Step
 * @property {string} title said when the step has something to do
 * @property {() => boolean} isDone quick, starts no process
 * @property {() => void} [check] finds out whether the machine has what the step needs; throws a SetupProblem
 * @property {() => Promise<void>} make leaves the whole thing or nothing
 */

const INTERRUPTS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Runs every step that has something to do, and sets the exit code. */
export async function runBootstrap() {
  const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
  const interrupt = new AbortController();
  for (const [name, code] of Object.entries(INTERRUPTS)) {
    process.once(name, () => {
      process.exitCode = code;
      interrupt.abort();
    });
  }
  try {
    const context = { root, env: process.env, signal: interrupt.signal };
    await bootstrap([nodeModulesStep, pythonEnvironmentStep, compiledStep], context, console.error);
  } catch (error) {
    if (!interrupt.signal.aborted) {
      console.error(error instanceof SetupProblem ? error.message : error);
    }
    process.exitCode ??= 1;
  }
}

/**
 * Checks first that the machine has all that is needed, then makes what is missing, in order.
 *
 * @param {((context: Context) => Step)[]} steps
 * @param {Context} context
 * @param {(line: string) => void} say
 */
export async function bootstrap(steps, context, say) {
  const missing = () => steps.map((step) => step(context)).filter((step) => !step.isDone());
  if (missing().length === 0) return;
  for (const step of missing()) step.check?.();
  const release = await takeLock(join(context.root, '.bootstrap/lock'), {
    onWait: (pid) => say(`set-up: waiting for the one that is running (process ${pid})`),
  });
  try {
    for (const step of missing()) {
      context.signal.throwIfAborted();
      say(`set-up: ${step.title}`);
      await step.make();
    }
  } finally {
    release();
  }
}
