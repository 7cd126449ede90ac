// What the scripts that generate a page have in common.
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * A table of Markdown.
 *
 * @param {readonly string[]} header
 * @param {readonly (readonly string[])[]} rows
 */
export function tableOf(header, rows) {
  return [header, header.map(() => '---'), ...rows].map(toRow).join('\n');
}

/** @param {readonly string[]} cells */
function toRow(cells) {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/**
 * Writes a page, or with `--check` on the command line says that it is stale, and exits with 1.
 *
 * @param {string} file
 * @param {string} wanted What is to stand there.
 * @param {string} remedy What to type.
 */
export function writeOrCheck(file, wanted, remedy) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  if (!values.check) writeFileSync(file, wanted);
  else if (readFileSync(file, 'utf8') !== wanted) {
    console.error(`${relative(process.cwd(), file)} is stale.\nRemedy: ${remedy}`);
    process.exitCode = 1;
  }
}
