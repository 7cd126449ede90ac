import { readFileSync } from 'node:fs';
import type { RunningObserver } from '@snakepit/observer';
import type { Command } from 'commander';
import type { Surroundings } from './surroundings.ts';

/** How the user says which running system is meant. */
export interface SystemFlags {
  /** The address of its observer. */
  readonly url?: string;
  /** The file that has the token for that address. */
  readonly tokenFile?: string;
  /** The process that it runs in. */
  readonly pid?: string;
}

/** Adds the options by which the user says which running system is meant. */
export function addSystemOptions(command: Command): Command {
  return command
    .option('--pid <number>', 'ask only the one in this process')
    .option('--url <address>', 'ask the observer at this address, as `http://127.0.0.1:4400`')
    .option(
      '--token-file <file>',
      'read the token for --url from this file, or the whole address that the observer printed',
    );
}

/** Told when nothing runs. */
export const nothingRuns =
  'No observed system of this user runs on this machine.\n' +
  'In the program, let it be observed: `await observe(snakepit.system)` of @snakepit/observer.\n';

/** The running systems that are meant; a text says what is wrong with the options. */
export async function runningSystems(
  { url, tokenFile, pid }: SystemFlags,
  { env }: Surroundings,
): Promise<readonly RunningObserver[] | string> {
  if (pid !== undefined && !/^\d+$/.test(pid)) return `${pid} is no process number (option --pid)`;
  if (url === undefined) {
    if (tokenFile !== undefined) return 'a token is for an address: give --url, too';
    const { findObservers, observersDirectory } = await import('@snakepit/observer');
    const all = findObservers(observersDirectory(env));
    return all.filter((each) => pid === undefined || each.pid === Number(pid));
  }
  if (!URL.canParse(url)) return `${url} is no address (option --url)`;
  const { origin } = new URL(url);
  const { findObservers, observersDirectory } = await import('@snakepit/observer');
  if (tokenFile === undefined) {
    const known = findObservers(observersDirectory(env)).filter(
      (each) => new URL(each.url).origin === origin,
    );
    if (known.length > 0) return known;
    return `the token of ${origin} is not known: put it into a file, and give --token-file`;
  }
  try {
    const token = readFileSync(tokenFile, 'utf8')
      .trim()
      .replace(/^.*#token=/s, '');
    return [{ system: '', pid: 0, url: `${origin}/#token=${token}` }];
  } catch (error) {
    return `${tokenFile} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
