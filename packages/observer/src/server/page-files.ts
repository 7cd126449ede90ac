import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal } from './refusal.ts';
import type { Route } from './route.ts';

/** Where the build of the page is, as seen from the sources as well as from what is compiled. */
const builtPage = fileURLToPath(new URL('../../dist/page/', import.meta.url));

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
/** Its name is a hash of what is in it. */
const forEver = 'public, max-age=31536000, immutable';

/**
 * The files of the page, held in memory. They are answered without a token: they hold nothing of a system, and the page has
 * to be there before it can show its token.
 *
 * @param directory - Where the page was built to; default: in this package.
 * @returns A route for each file, the page itself at `/`. Where it was not built, that one says so.
 */
export function pageRoutes(directory: string = builtPage): readonly Route[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  if (!names.includes('index.html')) return [unbuilt];
  return names.flatMap((name): Route[] => {
    const type = mediaTypes[extname(name)];
    if (type === undefined) return [];
    const content = readFileSync(`${directory}/${name}`);
    const isPage = name === 'index.html';
    return [
      {
        method: 'GET',
        path: isPage ? '/' : `/${name}`,
        open: true,
        handle: ({ incoming }, response) => {
          response.setHeader('content-type', type);
          response.setHeader('content-length', content.length);
          if (!isPage) response.setHeader('cache-control', forEver);
          response.end(incoming.method === 'HEAD' ? undefined : content);
        },
      },
    ];
  });
}

const unbuilt: Route = {
  method: 'GET',
  path: '/',
  open: true,
  handle: () => {
    throw new Refusal(503, 'the page was not built; run: npm run build');
  },
};
