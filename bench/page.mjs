import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { toMarkdown } from './table.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const marksOf = (group) => ({
  begin: `<!-- bench:${group}:begin -->`,
  end: `<!-- bench:${group}:end -->`,
});

/** What a run is made on, at its beginning. */
export function about() {
  return { date: new Date(), load: loadavg() };
}

/** Puts the table of one group of suites into the page on performance, between its marks. */
export async function writePage({ group, rows, notes, before, options }) {
  const unmet = rows.filter(({ goal }) => goal !== undefined && !goal.met);
  const met = rows.filter(({ goal }) => goal?.met === true);
  await writeBlock('docs/performance.md', group, [
    machine(group, before, options),
    '',
    ...Array.from(notes, (note) => `${note}.\n`),
    toMarkdown(rows),
    '',
    `${met.length} of ${met.length + unmet.length} goals are met.`,
  ]);
}

/**
 * Puts lines between the marks of a page.
 *
 * @param {string} name Path of the page from the root of the repository.
 * @param {string} group What the marks are called by.
 * @param {string[]} lines Markdown.
 */
export async function writeBlock(name, group, lines) {
  const page = join(root, name);
  const marks = marksOf(group);
  const { head, tail } = split(readFileSync(page, 'utf8'), name, marks);
  const text = [head + marks.begin, '', ...lines, '', marks.end + tail].join('\n');
  const config = await resolveConfig(page);
  writeFileSync(page, await format(text, { ...config, filepath: page }));
}

function split(text, name, marks) {
  const begin = text.indexOf(marks.begin);
  const end = text.indexOf(marks.end);
  if (begin === -1 || end < begin) {
    throw new Error(`${name} has no ${marks.begin} … ${marks.end} to write between`);
  }
  return { head: text.slice(0, begin), tail: text.slice(end + marks.end.length) };
}

/** What a run was made on. */
export function machine(group, { date, load }, { rounds, scale }) {
  const cores = cpus();
  const loads = [load[0], loadavg()[0]].map((value) => value.toFixed(1));
  return [
    `Measured on ${date.toISOString().slice(0, 10)}: ${cores.length} cores (${cores[0].model.trim()}),`,
    `${process.platform} ${process.arch}, Node ${process.versions.node}, ${group === 'actors' ? erlang() : python()};`,
    `load ${loads[0]} before and ${loads[1]} after the run; ${rounds} rounds at scale ${scale}.`,
  ].join('\n');
}

function python() {
  const executable = join(root, '.venv/bin/python');
  return execFileSync(executable, ['--version'], { encoding: 'utf8' }).trim();
}

function erlang() {
  const print = 'io:format("~s", [erlang:system_info(otp_release)]), halt().';
  try {
    const release = execFileSync('erl', ['-noshell', '-eval', print], { encoding: 'utf8' });
    return `Erlang/OTP ${release} on one scheduler`;
  } catch {
    return 'no Erlang/OTP';
  }
}
