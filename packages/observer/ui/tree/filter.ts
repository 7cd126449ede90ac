import type { ProcessRow } from '../live/store.ts';
import { keysOf, standingOf } from '../parts/standing.ts';

/** Whether a process is wanted. */
export type Filter = (row: ProcessRow) => boolean;

/** A filter, or what is wrong with its text. */
export type ParsedFilter =
  | { readonly filter: Filter; readonly problem: null }
  | { readonly filter: Filter; readonly problem: string };

type Test = (row: ProcessRow) => boolean;

const TEXT_FIELDS: Readonly<Record<string, (row: ProcessRow) => readonly string[]>> = {
  state: (row) => [standingOf(row).word, ...keysOf(row.value), row.value ?? ''],
  status: (row) => [row.status],
  kind: (row) => [row.kind],
  label: (row) => [row.label],
  name: (row) => [row.name],
  path: (row) => [row.path],
  last: (row) => [row.last ?? ''],
  err: (row) => [row.err ?? ''],
};
const NUMBER_FIELDS: Readonly<Record<string, (row: ProcessRow) => number | null>> = {
  restarts: (row) => row.restarts,
  mbox: (row) => row.mbox,
  inc: (row) => row.inc,
  pid: (row) => row.pid,
  os: (row) => row.os,
  rss: (row) => row.rss,
  hb: (row) => row.hb,
  inflight: (row) => row.inflight,
};
const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ':': (a, b) => a === b,
  '=': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};
const TERM = /(-?)(?:([a-z]+)(>=|<=|[:=<>]))?(?:"([^"]*)"?|(\S+))/giy;

/** The fields that a filter may name, for the help. */
export const filterFields = [...Object.keys(TEXT_FIELDS), ...Object.keys(NUMBER_FIELDS)];

/**
 * Reads a filter: `state:busy restarts>0 kind:worker path:Pools/* "text" -name:w3`. All terms must hold; `-` turns one
 * around, `*` stands for anything, a word alone is looked for in path, label, state and last message.
 */
export function parseFilter(text: string): ParsedFilter {
  const tests: Test[] = [];
  const problems: string[] = [];
  TERM.lastIndex = 0;
  const terms = text.trim();
  while (TERM.lastIndex < terms.length) {
    const space = /^\s+/.exec(terms.slice(TERM.lastIndex));
    if (space !== null) TERM.lastIndex += space[0].length;
    const match = TERM.exec(terms);
    if (match === null) break;
    const [whole, minus, field, operator, quoted, word] = match;
    const test = testOf(field, operator, quoted ?? word ?? '');
    if (test === null) problems.push(whole);
    else tests.push(minus === '-' ? (row) => !test(row) : test);
  }
  const filter: Filter = (row) => tests.every((test) => test(row));
  return {
    filter,
    problem: problems.length === 0 ? null : `not understood: ${problems.join(' ')}`,
  };
}

function testOf(
  field: string | undefined,
  operator: string | undefined,
  value: string,
): Test | null {
  if (field === undefined || operator === undefined) return anywhere(value);
  const name = field.toLowerCase();
  const textOf = TEXT_FIELDS[name];
  if (textOf !== undefined && (operator === ':' || operator === '=')) {
    const matches = matcher(value, operator === '=');
    return (row) => textOf(row).some(matches);
  }
  const numberOf = NUMBER_FIELDS[name];
  const compare = COMPARE[operator];
  const wanted = Number(value);
  if (numberOf === undefined || compare === undefined || value === '' || Number.isNaN(wanted)) {
    return null;
  }
  return (row) => {
    const number = numberOf(row);
    return number !== null && compare(number, wanted);
  };
}

function anywhere(value: string): Test {
  const matches = matcher(value, false);
  return (row) =>
    matches(row.path) || matches(row.label) || matches(row.value ?? '') || matches(row.last ?? '');
}

/** Without a star a part of the text is enough; with one, or asked exactly, it is the whole text. */
function matcher(value: string, exact: boolean): (text: string) => boolean {
  const wanted = value.toLowerCase();
  if (!wanted.includes('*')) {
    return exact
      ? (text) => text.toLowerCase() === wanted
      : (text) => text.toLowerCase().includes(wanted);
  }
  const pieces = wanted.split('*');
  return (text) => matchesPieces(text.toLowerCase(), pieces);
}

/** By hand, not by a regular expression: what somebody types must not be able to take for ever. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...others] = pieces;
  const last = others.pop() ?? '';
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const piece of others) {
    const at = text.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
