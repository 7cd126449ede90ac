import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const observer = join(dirname(fileURLToPath(import.meta.url)), '../../packages/observer');

/** Where the observer's page is built to. */
export const pageFolder = join(observer, 'dist/page');

/**
 * Bundles the observer's page.
 *
 * @param {{ isMapped?: boolean }} options whether the script is to be read by a person or a tool: long, and with a map to
 *   its sources
 * @returns {Promise<{ script: string, style: string, map: string }>} the map is empty where it was not asked for
 */
export async function bundlePage({ isMapped = false } = {}) {
  const { outputFiles } = await build({
    absWorkingDir: observer,
    entryPoints: { app: 'ui/main.tsx', style: 'ui/style.css' },
    outdir: 'dist/page',
    bundle: true,
    minify: !isMapped,
    sourcemap: isMapped && 'external',
    write: false,
    format: 'esm',
    target: ['chrome115', 'firefox115', 'safari17'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'warning',
  });
  const [script = '', style = '', map = ''] = ['.js', '.css', '.js.map'].map(
    (ending) => outputFiles.find(({ path }) => path.endsWith(ending))?.text,
  );
  return { script, style, map };
}
