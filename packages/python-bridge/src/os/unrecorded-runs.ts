import { isOwnedByUs, listMarks } from './process-group.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { identityText, isRunId, parseIdentityText, type RunFile } from './run-record-format.ts';
import { createSlices } from './time-slices.ts';

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
  const slices = createSlices();
  for (const { pid, marks } of listMarks()) {
    const entries = await slices(() => marks.startingWith(OWNER_PREFIX));
    if (entries.length === 0 || !isOwnedByUs(pid)) continue;
    for (const entry of entries) {
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
