import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { format, resolveConfig } from 'prettier';
import type { Goal } from './goals.ts';
import type { Quantiles, Tally } from './statistics.ts';
import type { Report } from './report.ts';

const BEGIN = '<!-- chaos:begin -->';
const END = '<!-- chaos:end -->';

/** Puts a result into a page, between its marks; what stood there is replaced. */
export async function writePage(path: string, report: Report): Promise<void> {
  const text = readFileSync(path, 'utf8');
  const config = await resolveConfig(path);
  const options = { ...config, filepath: path };
  writeFileSync(path, await format(withRecord(text, recordOf(report, new Date())), options));
}

/**
 * A page with another record between its marks.
 *
 * @throws Error when the page has no such marks.
 */
export function withRecord(text: string, record: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) {
    throw new Error(`the page has no ${BEGIN} … ${END} to write between`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${record}\n\n${text.slice(end)}`;
}

/** The record in Markdown. */
export function recordOf(report: Report, date: Date): string {
  const { seed, launch, goals, byScenario, notPossible, failures, ...total } = report;
  const rows = [...Object.entries(byScenario), ['**all**', total] as const];
  return [
    `Recorded on ${date.toISOString().slice(0, 10)}: ${cpus().length} cores, ${process.platform} ${process.arch}, Node ${process.versions.node}, load ${String(loadavg()[0]?.toFixed(1))}; seed ${seed}, launch ${launch}.`,
    '',
    '| goal | measured | met |',
    '| --- | --: | --- |',
    ...goals.map(goalRow),
    '',
    '| scenario | rounds | kills | survivors | lost calls | false positives | detected after, ms (p50 / p99 / max) | all gone after, ms (p50 / p99 / max) | by a backstop, ms |',
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
    ...rows.map(([name, tally]) => rowOf(name, tally)),
    ...notPossible.map(({ scenario, reason }) => `\nNot possible there: ${scenario}: ${reason}.`),
    ...failures.map(({ round, scenario }) => `\nFailed: round ${round}, ${scenario}.`),
  ].join('\n');
}

function rowOf(name: string, tally: Tally): string {
  const { rounds, kills, survivors, lostRequests, falsePositives } = tally;
  const cells = [rounds, kills, survivors, lostRequests, falsePositives];
  const times = [tally.detectMs, tally.goneMs, tally.backstopGoneMs].map(timesOf);
  return `| ${[name, ...cells, ...times].join(' | ')} |`;
}

function goalRow({ goal, measured, met }: Goal): string {
  const verdict = met === null ? 'not measured' : met ? 'yes' : '**no**';
  return `| ${goal} | ${measured ?? '–'} | ${verdict} |`;
}

function timesOf({ p50, p99, max }: Quantiles): string {
  return p50 === null ? '–' : [p50, p99, max].map((ms) => Math.round(ms ?? 0)).join(' / ');
}
