import { setImmediate as nextTurn } from 'node:timers/promises';
import { currentPlatform } from './platform/current.ts';
import { isDeadState, type Platform, type ProcessStat } from './platform/platform.ts';
import { markedStat } from './process-group.ts';
import { readProcessStat } from './process-identity.ts';
import { createSlices } from './time-slices.ts';

/**
 * Answers many askers with few looks at the process table.
 *
 * One look reads something of every process: 20 ms at 1,000 of them. When a pool of workers ends,
 * each wants several looks; so whoever asks while a look is under way shares the next one, and a look
 * gives the event loop its turn every few milliseconds.
 *
 * An answer is `undefined` when nothing could be seen, for lack of file descriptors for example: that
 * nobody was found means nothing then. Nothing rejects.
 */
export interface ProcessScanner {
  /**
   * Live processes of this user that carry all entries exactly; the look begins after the call.
   * Empty where the platform cannot search for such entries.
   *
   * @param entries - `NAME=value`.
   */
  find(entries: readonly string[]): Promise<Look>;
  /** Live processes of groups; the look begins after the call. Zombies only wait to be reaped. */
  membersOf(groupIds: readonly number[]): Promise<Look>;
}

/** What was found, or `undefined` when nothing could be seen. */
export type Look = readonly ProcessStat[] | undefined;

/** Many questions at a time, each answered by the same look. */
interface Inquiry<Question> {
  ask(question: Question): Promise<Look>;
}

/** Who is asked about, and by whom, in one look. */
interface Asked<Question> {
  readonly question: Question;
  readonly found: ProcessStat[];
}

/** Makes a scanner. */
export function createProcessScanner(platform: Platform = currentPlatform): ProcessScanner {
  const slices = createSlices();
  const marked = createInquiry<readonly Buffer[]>(platform, async (asked) => {
    for (const { pid, marks } of platform.listMarks()) {
      await slices(() => {
        for (const { question, found } of asked) {
          if (!question.every((entry) => marks.has(entry))) continue;
          const stat = markedStat(pid, platform);
          if (stat !== undefined) found.push(stat);
        }
      });
    }
  });
  const grouped = createInquiry<ReadonlySet<number>>(platform, async (asked) => {
    for (const stat of platform.listProcesses()) {
      await slices(() => {
        if (isDeadState(stat.state)) return;
        for (const { question, found } of asked) if (question.has(stat.groupId)) found.push(stat);
      });
    }
  });
  return {
    find(entries) {
      if (!entries.every((entry) => platform.canCarry(entry))) return Promise.resolve([]);
      return marked.ask(entries.map((entry) => Buffer.from(entry, 'utf8')));
    },
    membersOf: (groupIds) => grouped.ask(new Set(groupIds)),
  };
}

function createInquiry<Question>(
  platform: Platform,
  look: (asked: readonly Asked<Question>[]) => Promise<void>,
): Inquiry<Question> {
  let waiting: (Asked<Question> & { readonly answer: (found: Look) => void })[] = [];
  let isLooking = false;
  const lookWhileAsked = async (): Promise<void> => {
    isLooking = true;
    // Every asker of this turn is served by this look.
    await nextTurn();
    while (waiting.length > 0) {
      const asked = waiting;
      waiting = [];
      const sawBefore = seesItself(platform);
      await look(asked);
      const isSeeing = sawBefore && seesItself(platform);
      for (const { answer, found } of asked) answer(isSeeing ? found : undefined);
    }
    isLooking = false;
  };
  return {
    ask: (question) =>
      new Promise((answer) => {
        waiting.push({ question, found: [], answer });
        if (!isLooking) void lookWhileAsked();
      }),
  };
}

/** Who cannot see himself sees nobody else either. */
function seesItself(platform: Platform): boolean {
  return readProcessStat(process.pid, platform) !== undefined;
}
