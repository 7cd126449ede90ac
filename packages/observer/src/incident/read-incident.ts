import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { observerError } from '../errors.ts';
import { unpack, type IncidentContent } from './incident-file.ts';

/**
 * Reads an incident that was saved, as HTML or as JSON, by {@link Observer.saveIncident} or from the page.
 *
 * @param file - Where it is.
 * @returns What a stream would have told.
 * @throws {@link SnakepitError} INCIDENT_UNREADABLE when there is no such file, or it is something else.
 */
export async function readIncident(file: string): Promise<IncidentContent> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw observerError('INCIDENT_UNREADABLE', { file, fault: 'it cannot be opened' }, { cause });
  });
  return unpack(text, file);
}

/** Writes a file that only its owner may read, whole or not at all. @internal */
export async function writePrivately(file: string, text: string): Promise<void> {
  const partial = `${file}.${randomBytes(6).toString('hex')}.part`;
  try {
    await writeFile(partial, text, { mode: 0o600, flag: 'wx' });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
