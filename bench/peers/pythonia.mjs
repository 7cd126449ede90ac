import { fileURLToPath, pathToFileURL } from 'node:url';
import { python as executable } from '../settings.mjs';
import { requirePeer } from './install.mjs';
import { worksOf } from './load-work.mjs';

process.env['PYTHON_BIN'] = executable;
const { python } = await import(pathToFileURL(requirePeer.resolve('pythonia')).href);
const module = await python(fileURLToPath(new URL('echo.py', import.meta.url)));

export const works = worksOf((text) => module.echo(text));
