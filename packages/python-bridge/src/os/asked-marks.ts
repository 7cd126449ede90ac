import type { Marks } from './platform/platform.ts';

/** Who asks about processes with certain entries. */
export interface MarksQuestion {
  /** `NAME=value`; all of them, one at least. */
  readonly entries: readonly string[];
}

/** Those whose first entry is the same: mostly that of the run, so that of strangers nothing else is looked at. */
interface Family<Question> {
  readonly first: Buffer;
  /** Those with this entry only. */
  readonly plain: Question[];
  /** The others by their last entry, and these by their names. */
  readonly byName: Map<string, Map<string, Question[]>>;
}

/**
 * Makes a function that tells which of many questions a process answers.
 *
 * It takes about as long for a thousand questions as for one: a pool of a thousand workers that ends has as many, about as
 * many processes.
 */
export function createMarksIndex<Question extends MarksQuestion>(
  questions: readonly Question[],
): (marks: Marks) => readonly Question[] {
  const families = familiesOf(questions);
  return (marks) => {
    const found: Question[] = [];
    for (const { first, plain, byName } of families) {
      if (!marks.has(first)) continue;
      found.push(...plain);
      for (const [name, byEntry] of byName) {
        for (const entry of new Set(marks.startingWith(name))) {
          found.push(...(byEntry.get(entry) ?? []).filter((one) => carriesAll(marks, one)));
        }
      }
    }
    return found;
  };
}

function familiesOf<Question extends MarksQuestion>(
  questions: readonly Question[],
): readonly Family<Question>[] {
  const families = new Map<string, Family<Question>>();
  for (const question of questions) {
    const [first = '', ...others] = question.entries;
    let family = families.get(first);
    if (family === undefined) {
      family = { first: Buffer.from(first, 'utf8'), plain: [], byName: new Map() };
      families.set(first, family);
    }
    const last = others.at(-1);
    if (last === undefined) family.plain.push(question);
    else fileUnder(family.byName, last, question);
  }
  return [...families.values()];
}

function fileUnder<Question>(
  byName: Map<string, Map<string, Question[]>>,
  entry: string,
  question: Question,
): void {
  const name = entry.slice(0, entry.indexOf('=') + 1);
  let byEntry = byName.get(name);
  if (byEntry === undefined) {
    byEntry = new Map<string, Question[]>();
    byName.set(name, byEntry);
  }
  const same = byEntry.get(entry);
  if (same === undefined) byEntry.set(entry, [question]);
  else same.push(question);
}

function carriesAll(marks: Marks, { entries }: MarksQuestion): boolean {
  // The first and the last were found already.
  return entries.slice(1, -1).every((entry) => marks.has(Buffer.from(entry, 'utf8')));
}
