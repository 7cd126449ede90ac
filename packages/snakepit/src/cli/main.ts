#!/usr/bin/env node
import { openTerminal } from './observe/terminal.ts';
import { runCli } from './run-cli.ts';

// What a shell reports for a program that a signal has ended.
const interrupts = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

let interrupted: number | undefined;

function takeInterrupts(): AbortSignal {
  const controller = new AbortController();
  for (const [name, code] of Object.entries(interrupts)) {
    // Once: whoever asks a second time does not want to wait for the tidying up.
    process.once(name, () => {
      interrupted ??= code;
      controller.abort();
    });
  }
  return controller.signal;
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader went away (`| head`): the work goes on, and the exit code still tells how it went.
    if (error.code !== 'EPIPE') throw error;
  });
}
const { stdin, stdout, stderr, env } = process;
const surroundings = {
  ...{ stdout, stderr, env, cwd: process.cwd(), takeInterrupts },
  openTerminal: () => openTerminal(stdin, stdout),
};
const code = await runCli(process.argv.slice(2), surroundings);
process.exitCode = interrupted ?? code;
