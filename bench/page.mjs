import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { toMarkdown } from './table.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/performance.md');
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
  const marks = marksOf(group);
  const text = readFileSync(page, 'utf8');
  const { head, tail } = split(text, marks);
  const unmet = rows.filter(({ goal }) => goal !== undefined && !goal.met);
  const met = rows.filter(({ goal }) => goal?.met === true);
  const block = [
    marks.begin,
    '',
    machine(group, before, options),
    '',
    ...Array.from(notes, (note) => `${note}.\n`),
    toMarkdown(rows),
    '',
    `${met.length} of ${met.length + unmet.length} goals are met.`,
    '',
    marks.end,
  ].join('\n');
  const config = await resolveConfig(page);
  writeFileSync(page, await format(head + block + tail, { ...config, filepath: page }));
}

function split(text, marks) {
  const begin = text.indexOf(marks.begin);
  const end = text.indexOf(marks.end);
  if (begin === -1 || end < begin) {
    throw new Error(`docs/performance.md has no ${marks.begin} … ${marks.end} to write between`);
  }
  return { head: text.slice(0, begin), tail: text.slice(end + marks.end.length) };
}

function machine(group, { date, load }, { rounds, scale }) {
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
