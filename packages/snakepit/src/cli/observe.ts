import { resolve } from 'node:path';
import type { Command } from 'commander';
import type * as ObserverPackage from '@snakepit/observer';
import { tellFailure } from './failure.ts';
import { replayIncident } from './observe/incident-source.ts';
import { lifeText } from './observe/life-text.ts';
import { followSystem } from './observe/live-source.ts';
import { tableOf, treeLines } from './observe/table.ts';
import { runViewer } from './observe/viewer.ts';
import type { ViewSource } from './observe/viewed-system.ts';
import { addSystemOptions, nothingRuns, runningSystems } from './running-systems.ts';
import type { SystemFlags } from './running-systems.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

type Observer = typeof ObserverPackage;

interface ObserveFlags extends SystemFlags {
  readonly json?: true;
  readonly dot?: true;
  readonly page?: true;
}

/** Lines of a table that nobody sees on a terminal are not cut. */
const wholeWidth = 200;
/** As seldom as a timer can ring, in milliseconds. */
const keepMs = 2 ** 31 - 1;
/** What happened last, under a table. */
const mostLife = 10;

/** Adds `snakepit observe`. */
export function addObserve(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  const command = program
    .command('observe')
    .summary('look at a running system, or at a saved incident')
    .description(
      'Shows the processes of an observed system of this user in this terminal: tree, pools, who is busy, all of one process.\n' +
        'Of a file that was saved as an incident it shows each moment; with --page in a browser. Without a terminal it prints one table.\n\n' +
        'Keys: t tree, l list, s sort, w pools, enter or a number opens, esc back, f b pages, p pause, left right moments, ? help, q quit.',
    )
    .argument('[incident]', 'an incident, saved as JSON or HTML');
  addSystemOptions(command)
    .option('--json', 'print the processes as one JSON object')
    .option('--dot', 'print the tree in the language of Graphviz')
    .option(
      '--page',
      'serve a saved incident as a page for a browser of this machine, until interrupted',
    )
    .action(async (incident: string | undefined, flags: ObserveFlags) => {
      done(await observe(incident, flags, surroundings));
    });
}

async function observe(
  incident: string | undefined,
  flags: ObserveFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const observer = await import('@snakepit/observer');
  if (flags.page === true) return servePage(incident, flags, surroundings, observer);
  const source =
    incident === undefined
      ? await liveSource(flags, surroundings, observer)
      : await savedSource(incident, flags, surroundings, observer);
  if (typeof source === 'number') return source;
  try {
    await present(source, flags, surroundings, observer);
    return exitCodes.fine;
  } finally {
    source.close();
  }
}

/** Serves a saved incident until it is interrupted. */
async function servePage(
  incident: string | undefined,
  { json, dot }: ObserveFlags,
  surroundings: Surroundings,
  { readIncident, serveIncident }: Observer,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  if (incident === undefined || json === true || dot === true) {
    stderr.write(
      'error: --page shows a saved incident, and goes with neither --json nor --dot.\n' +
        'The page of a running system has the address that its observer has printed.\n',
    );
    return exitCodes.wrongUse;
  }
  // From here on an interrupt must not leave the port behind.
  const interrupts = surroundings.takeInterrupts();
  try {
    const content = await readIncident(resolve(surroundings.cwd, incident));
    const served = await serveIncident(content);
    stdout.write(`${content.title}\n  ${served.url}\nOpen it in a browser. Ctrl-C ends it.\n`);
    await untilInterrupted(interrupts);
    await served.close();
    return exitCodes.fine;
  } catch (error) {
    return tellFailure(error, surroundings, false);
  }
}

/** A server that nobody is connected to keeps no program running, and neither does waiting for a signal. */
function untilInterrupted(interrupts: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const keep = setInterval(() => undefined, keepMs);
    const end = (): void => {
      clearInterval(keep);
      done();
    };
    if (interrupts.aborted) end();
    else interrupts.addEventListener('abort', end, { once: true });
  });
}

async function savedSource(
  incident: string,
  { json }: ObserveFlags,
  surroundings: Surroundings,
  observer: Observer,
): Promise<ViewSource | ExitCode> {
  try {
    const content = await observer.readIncident(resolve(surroundings.cwd, incident));
    return replayIncident(content, observer);
  } catch (error) {
    return tellFailure(error, surroundings, json === true);
  }
}

async function liveSource(
  flags: ObserveFlags,
  surroundings: Surroundings,
  observer: Observer,
): Promise<ViewSource | ExitCode> {
  const { stderr } = surroundings;
  const found = await runningSystems(flags, surroundings);
  if (typeof found === 'string') {
    stderr.write(`error: ${found}\n`);
    return exitCodes.wrongUse;
  }
  const [running, ...others] = found;
  if (running === undefined) {
    stderr.write(nothingRuns);
    return exitCodes.problem;
  }
  if (others.length > 0) {
    const choices = found.map(({ system, pid, url }) => {
      return `  ${system} at ${new URL(url).origin}: --pid ${String(pid)}\n`;
    });
    stderr.write(
      `error: several systems run, say which one, by --pid or --url:\n${choices.join('')}`,
    );
    return exitCodes.wrongUse;
  }
  const source = followSystem(running, observer);
  try {
    await source.ready;
    return source;
  } catch (error) {
    source.close();
    const why = error instanceof Error ? error.message : String(error);
    stderr.write(`error: ${running.system} at ${new URL(running.url).origin}: ${why}\n`);
    return exitCodes.problem;
  }
}

async function present(
  source: ViewSource,
  flags: ObserveFlags,
  surroundings: Surroundings,
  { treeToDot }: Observer,
): Promise<void> {
  const { stdout } = surroundings;
  const { name, standing, rows, life, wallOffset } = source.system();
  if (flags.json === true) {
    stdout.write(
      `${JSON.stringify({ ok: true, system: name, standing, processes: rows, life })}\n`,
    );
    return;
  }
  if (flags.dot === true) {
    stdout.write(treeToDot(rows));
    return;
  }
  // From here on an interrupt must not leave the terminal as it is.
  const interrupts = surroundings.takeInterrupts();
  const terminal = surroundings.openTerminal?.();
  if (terminal === undefined) {
    const table = tableOf(treeLines(rows, new Map()), 0, wholeWidth);
    const last = life.slice(-mostLife).map((record) => lifeText(record, wallOffset));
    stdout.write(`${[`${name}: ${standing}`, ...table, '', ...last].join('\n').trimEnd()}\n`);
    return;
  }
  try {
    await runViewer(source, terminal, interrupts);
  } finally {
    terminal.close();
  }
}
