import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('contestant.mjs', import.meta.url));

/**
 * Starts a contestant in a Node process of its own.
 *
 * @param {string} name A module of `directory`, whose `works` it does.
 * @param {URL} [directory] Default: `contestants/`.
 * @returns {{ run: (work: string, size: number, option: object) => Promise<Record<string, number>>, close: () => Promise<void> }}
 */
export function startNodeContestant(name, directory = new URL('contestants/', import.meta.url)) {
  const child = fork(program, [new URL(`${name}.mjs`, directory).href], {
    execArgv: ['--expose-gc'],
    // What a library prints is none of our output.
    stdio: ['ignore', process.stderr.fd, 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  // In the middle of its work it would not see that its parent is gone.
  process.once('exit', kill);
  return {
    async run(work, size, option) {
      const answered = once(child, 'message');
      child.send({ work, size, option });
      const [{ figures, error }] = await Promise.race([answered, endOf(exited, name)]);
      if (error !== undefined) throw new Error(`${name}, ${work}: ${error}`);
      return figures;
    },
    async close() {
      process.off('exit', kill);
      kill();
      await exited;
    },
  };
}

async function endOf(exited, name) {
  const [code, signal] = await exited;
  throw new Error(`${name} ended in the middle of its work: ${code ?? signal}`);
}
