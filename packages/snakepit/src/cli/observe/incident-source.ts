import type * as ObserverPackage from '@snakepit/observer';
import type { Handled, IncidentContent, LifeRecord } from '@snakepit/observer';
import { clockTime } from './text.ts';
import { storyOf, type ViewedSystem, type ViewSource } from './viewed-system.ts';

type Mirrors = Pick<typeof ObserverPackage, 'TableMirror'>;

/** Shows a saved incident: its last moment first, and each that was recorded before. */
export function replayIncident(content: IncidentContent, mirrors: Mirrors): ViewSource {
  const { lines } = content;
  const moments = lines.flatMap(({ k }, index) => (k === 'snap' || k === 'delta' ? [index] : []));
  let at = moments.length - 1;
  let path: string | undefined;
  const momentNow = (): Omit<ViewedSystem, 'story'> => {
    const which = `moment ${String(at + 1)} of ${String(moments.length)}`;
    return momentOf(content, moments[at] ?? lines.length - 1, which, mirrors);
  };
  let shown = momentNow();
  return {
    system: () => {
      const story = storyOf(path, shown.rows, shown.life);
      const messages = story === undefined ? [] : messagesOf(content, story.row.pid);
      return { ...shown, story: story && { ...story, answer: undefined, messages } };
    },
    refresh: (interest) => {
      path = interest.path;
      return Promise.resolve();
    },
    move: (count) => {
      const next = Math.min(Math.max(at + count, 0), moments.length - 1);
      if (next === at) return;
      at = next;
      shown = momentNow();
    },
    close: () => undefined,
  };
}

/** A moment is what the lines up to it tell: an incident is 30 s long, so all are read again for each. */
function momentOf(
  { title, lines }: IncidentContent,
  last: number,
  which: string,
  { TableMirror }: Mirrors,
): Omit<ViewedSystem, 'story'> {
  const told = lines.slice(0, last + 1);
  const mirror = new TableMirror();
  for (const line of told) mirror.apply(line);
  const hello = lines.find((line) => line.k === 'hello');
  const wallOffset = hello === undefined ? 0 : hello.wall - hello.now;
  const end = lines[last];
  const t = end !== undefined && 't' in end ? end.t : 0;
  const life = told.flatMap((line): readonly LifeRecord[] => (line.k === 'life' ? line.list : []));
  return {
    name: title,
    standing: `saved incident, ${which}, ${clockTime(t + wallOffset)}`,
    rows: [...mirror.rows.values()],
    life: life.filter((record) => record.at <= t),
    wallOffset,
    turnsPerSecond: 0,
    turns: new Map(),
    panels: {},
  };
}

function messagesOf({ lines }: IncidentContent, pid: number): readonly Handled[] {
  return lines
    .flatMap((line) => (line.k === 'rec' ? line.list : []))
    .filter(({ actor }) => actor === pid);
}
