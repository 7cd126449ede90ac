// Bundles the observer's page into packages/observer/dist/page: names hold a hash of the content, so that browsers may
// keep the files for ever. Fails when the page became larger than it may be.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundlePage, pageFolder } from './page/bundle.mjs';

const MOST_BYTES = 60_000;

const { script, style } = await bundlePage();
const names = { script: `app-${hashOf(script)}.js`, style: `app-${hashOf(style)}.css` };
const html = readFileSync(join(pageFolder, '../../ui/index.html'), 'utf8')
  .replace('"app.js"', `"/${names.script}"`)
  .replace('"app.css"', `"/${names.style}"`);
const files = { 'index.html': html, [names.script]: script, [names.style]: style };

const size = Object.values(files).reduce((sum, text) => sum + gzipSync(text).length, 0);
if (size > MOST_BYTES) {
  console.error(
    `The page takes ${size} bytes (gzip), more than ${MOST_BYTES}.\nRemedy: load what is seldom needed later, or leave it out.`,
  );
  process.exitCode = 1;
} else {
  // Never half a page: a server may read it at this moment.
  mkdirSync(pageFolder, { recursive: true });
  for (const [name, text] of Object.entries(files).reverse()) {
    writeFileSync(join(pageFolder, name), text);
  }
  removeOthers();
}

/** @param {string} text */
function hashOf(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Takes away what former builds left. */
function removeOthers() {
  for (const name of readdirSync(pageFolder)) {
    if (!(name in files)) rmSync(join(pageFolder, name));
  }
}
