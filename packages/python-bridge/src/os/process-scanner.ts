import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createMarksIndex } from './asked-marks.ts';
import { currentPlatform } from './platform/current.ts';
import { isDeadState, type Platform, type ProcessStat } from './platform/platform.ts';
import { markedStat } from './process-group.ts';
import { readProcessStat } from './process-identity.ts';
import { createSlices } from './time-slices.ts';

/**
 * Answers many askers with few looks at the process table.
 *
 * One look reads something of every process: 20 ms at 1,000 of them. When a pool of workers ends,
 * each wants several looks; so whoever asks while a look is under way shares the next one, a look
 * gives the event loop its turn every few milliseconds, and after a long one it rests for a while.
 *
 * An answer is `undefined` when nothing could be seen, for lack of file descriptors for example: that
 * nobody was found means nothing then. Nothing rejects.
 */
export interface ProcessScanner {
  /**
   * Live processes of this user that carry all entries exactly; the look begins after the call.
   * Empty where the platform cannot search for such entries.
   *
   * @param entries - `NAME=value`, one at least.
   */
  find(entries: readonly string[]): Promise<Look>;
  /** Live processes of groups; the look begins after the call. Zombies only wait to be reaped. */
  membersOf(groupIds: readonly number[]): Promise<Look>;
}

/** What was found, or `undefined` when nothing could be seen. */
export type Look = readonly ProcessStat[] | undefined;

/** After a look that takes no longer, in milliseconds, the next may follow at once. */
const quickLookMs = 10;
/** After any other it rests for so many times as long: who asks meanwhile shares the next one. */
const restPart = 2;
/** But no longer than this, in milliseconds. */
const longestRestMs = 150;

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
  const marked = createInquiry<readonly string[]>(platform, async (asked) => {
    const askedBy = createMarksIndex(
      asked.map(({ question, found }) => ({ entries: question, found })),
    );
    for (const { pid, marks } of platform.listMarks()) {
      await slices(() => {
        const askers = askedBy(marks);
        const stat = askers.length === 0 ? undefined : markedStat(pid, platform);
        if (stat !== undefined) for (const { found } of askers) found.push(stat);
      });
    }
  });
  const grouped = createInquiry<ReadonlySet<number>>(platform, async (asked) => {
    const askedBy = indexGroups(asked);
    for (const stat of platform.listProcesses()) {
      await slices(() => {
        if (isDeadState(stat.state)) return;
        for (const found of askedBy.get(stat.groupId) ?? []) found.push(stat);
      });
    }
  });
  return {
    find(entries) {
      if (!entries.every((entry) => platform.canCarry(entry))) return Promise.resolve([]);
      return marked.ask(entries);
    },
    membersOf: (groupIds) => grouped.ask(new Set(groupIds)),
  };
}

/** Who asks about each group, so that many askers are no more work than one. */
function indexGroups(
  asked: readonly Asked<ReadonlySet<number>>[],
): ReadonlyMap<number, readonly ProcessStat[][]> {
  const index = new Map<number, ProcessStat[][]>();
  for (const { question, found } of asked) {
    for (const groupId of question) {
      const others = index.get(groupId);
      if (others === undefined) index.set(groupId, [found]);
      else others.push(found);
    }
  }
  return index;
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
      const beganAtMs = performance.now();
      const sawBefore = seesItself(platform);
      await look(asked);
      const isSeeing = sawBefore && seesItself(platform);
      for (const { answer, found } of asked) answer(isSeeing ? found : undefined);
      const tookMs = performance.now() - beganAtMs;
      if (tookMs > quickLookMs) await sleep(Math.min(tookMs * restPart, longestRestMs));
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
