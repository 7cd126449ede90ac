import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IncidentShell } from './incident-page.ts';

const builtPage = fileURLToPath(new URL('../../dist/page/', import.meta.url));

/**
 * The page of the observer, to be put into a file.
 *
 * @param directory - Where it was built to; default: in this package.
 * @returns `undefined` where it was not built: then the file has a table only.
 */
export async function incidentShell(directory = builtPage): Promise<IncidentShell | undefined> {
  const names = await readdir(directory).catch(() => []);
  const [script, style] = ['.js', '.css'].map((ending) =>
    names.find((name) => name.startsWith('app-') && name.endsWith(ending)),
  );
  if (script === undefined || style === undefined) return undefined;
  const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
  return { script: await read(script), style: await read(style) };
}
