import { setImmediate as nextTurn } from 'node:timers/promises';
import { isOwnedByUs, listPids, readEnvironment } from './process-group.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { identityText, isRunId, parseIdentityText, type RunFile } from './run-record-format.ts';

/** Begin of the variable's name; the id of the run follows, so that nested runtimes overwrite nothing. */
const OWNER_PREFIX = 'SNAKEPIT_OWNER_';

/**
 * What the processes of a run carry that cannot be written down: who owns them.
 *
 * With no directory to write to, the next runtime has nothing but this to see that their owner is dead.
 *
 * @returns Name and value of an environment variable.
 */
export function ownerVariable(runId: string, owner: ProcessIdentity): readonly [string, string] {
  return [`${OWNER_PREFIX}${runId}`, identityText(owner)];
}

/**
 * Every run of which a live process of this user says that it could not be written down (Linux).
 *
 * Their marker is the whole variable, owner included: nobody carries it by chance.
 */
export async function findUnrecordedRuns(): Promise<readonly RunFile[]> {
  const runs = new Map<string, RunFile>();
  for (const [index, pid] of listPids().entries()) {
    // Thousands of processes take tens of milliseconds.
    if (index % 64 === 63) await nextTurn();
    const environ = readEnvironment(pid);
    if (environ?.includes(OWNER_PREFIX) !== true || !isOwnedByUs(pid)) continue;
    for (const entry of environ.toString('utf8').split('\0')) {
      const run = parseOwnerEntry(entry);
      if (run !== undefined) runs.set(entry, run);
    }
  }
  return [...runs.values()];
}

function parseOwnerEntry(entry: string): RunFile | undefined {
  const [name = '', ...value] = entry.split('=');
  const runId = name.slice(OWNER_PREFIX.length);
  if (!name.startsWith(OWNER_PREFIX) || !isRunId(runId)) return undefined;
  const owner = parseIdentityText(value.join('='));
  if (owner === undefined) return undefined;
  const uid = process.getuid?.() ?? -1;
  return { version: 1, runId, owner, initStartTime: '', uid, marker: entry };
}
