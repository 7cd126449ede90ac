import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from './process-identity.ts';
import type { ProcessScanner } from './process-scanner.ts';
import { removePrivateDirectory, socketPlaces } from './private-directory.ts';
import { readRunFile, type RemovalFailure } from './run-directories.ts';
import { stateOfOwner } from './run-owner.ts';
import { isRunId, runMarker } from './run-record-format.ts';
import type { Slices } from './time-slices.ts';

/** What {@link removeOrphanedSockets} takes. */
export interface SocketSweep {
  /** Directory from the configuration in which runs have one each for their sockets. */
  readonly socketDir: string | undefined;
  /** This process. */
  readonly self: ProcessIdentity;
  /** Finds who may still listen there. */
  readonly scanner: ProcessScanner;
  /** Lets others have their turn. */
  readonly slices: Slices;
}

/**
 * Removes directories of sockets that dead runs left outside of their records: those of runs that
 * could not be recorded, too. Each holds a copy of its `run.json` that tells whose it is; one without
 * is left alone, and so is one that a process of its run may still use.
 *
 * @returns What could not be removed.
 */
export async function removeOrphanedSockets(sweep: SocketSweep): Promise<RemovalFailure[]> {
  const failures: RemovalFailure[] = [];
  for (const { place, prefix } of socketPlaces(sweep.socketDir)) {
    for (const name of namesIn(place)) {
      const runId = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (!isRunId(runId)) continue;
      const path = join(place, name);
      const { run } = await sweep.slices(() => readRunFile({ path, runId }));
      if (run === undefined || !(await isOver(stateOfOwner(run, sweep.self), runId, sweep))) {
        continue;
      }
      const reason = await sweep.slices(() => removePrivateDirectory(path));
      if (reason !== undefined) failures.push({ path, reason });
    }
  }
  return failures;
}

async function isOver(
  owner: ReturnType<typeof stateOfOwner>,
  runId: string,
  { scanner }: SocketSweep,
): Promise<boolean> {
  if (owner !== 'dead') return owner === 'earlierBoot';
  return (await scanner.find([runMarker(runId)]))?.length === 0;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
