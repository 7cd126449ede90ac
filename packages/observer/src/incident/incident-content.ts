import type { Incident } from '@snakepit/core';
import type { ChartAnswer, LiveLine, RecLine, SnapLine } from '../protocol.ts';
import { rowColumns } from '../protocol.ts';
import { wireRecord } from '../server/message-watch.ts';
import type { ObservedSystem } from '../server/observed-system.ts';
import { wireLife } from '../tree/life-reader.ts';
import type { IncidentContent } from './incident-file.ts';

/** An incident with what only a running system knows; its charts are drawn when it is saved. */
export type KeptContent = Omit<IncidentContent, 'charts'>;

/** Puts together what is known of an incident: the tree before it, if somebody looked, and now; lives; messages. */
export function contentOf(observed: ObservedSystem, incident: Incident): KeptContent {
  const { feed, hello, system } = observed;
  // Who is gone or came since somebody looked last.
  feed.look();
  const key = feed.keyframe();
  const snap: SnapLine = { k: 'snap', cols: rowColumns, ...key };
  const deltas = [...feed.deltasSince(key.seq + 1)].flatMap(linesIn);
  const told = new Set(deltas.flatMap((line) => (line.k === 'life' ? line.list : [])).map(seqOf));
  const pathOf = (pid: number): string | undefined => feed.row(pid)?.path;
  const list = incident.life
    .map((record) => wireLife(record, pathOf, observed.shower.show))
    .filter((r) => !told.has(r.seq));
  const messages = messagesOf(observed, incident, key.seq);
  const before: readonly LiveLine[] =
    list.length === 0 ? [] : [{ k: 'life', seq: key.seq, t: key.t, list }];
  const now = system.clock.now();
  return {
    title: incident.title,
    wall: Date.now() - (now - incident.at),
    lines: [hello(), ...before, snap, ...messages, ...deltas],
  };
}

function linesIn(text: string): readonly LiveLine[] {
  // Our own text.
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LiveLine);
}

function seqOf({ seq }: { readonly seq: number }): number {
  return seq;
}

function messagesOf(
  { shower }: ObservedSystem,
  { messages }: Incident,
  seq: number,
): readonly RecLine[] {
  if (messages.length === 0) return [];
  return [{ k: 'rec', seq, list: messages.map((one) => wireRecord(one, shower)), dropped: 0 }];
}

/** The same with what followed: records of the incident that it does not have yet. */
export function withFollowing(
  { feed, shower }: ObservedSystem,
  content: KeptContent,
  { life, messages }: Incident,
): KeptContent {
  const { lines } = content;
  const lives = new Set(lines.flatMap((line) => (line.k === 'life' ? line.list : [])).map(seqOf));
  const known = new Set(lines.flatMap((line) => (line.k === 'rec' ? line.list : [])).map(seqOf));
  const pathOf = (pid: number): string | undefined => feed.row(pid)?.path;
  const laterLives = life
    .map((one) => wireLife(one, pathOf, shower.show))
    .filter(({ seq }) => !lives.has(seq));
  const later = messages.filter(({ seq }) => !known.has(seq)).map((one) => wireRecord(one, shower));
  const { seq, t } = feed.keyframe();
  const following: LiveLine[] = [];
  if (laterLives.length > 0) following.push({ k: 'life', seq, t, list: laterLives });
  if (later.length > 0) following.push({ k: 'rec', seq, list: later, dropped: 0 });
  return { ...content, lines: [...lines, ...following] };
}

/** The charts that the rows of an incident name: their hashes are among the texts. */
function chartsIn({ charts }: ObservedSystem, { lines }: KeptContent): ReadonlySet<string> {
  const texts = lines.flatMap((line) => (line.k === 'snap' || line.k === 'delta' ? line.dict : []));
  return new Set(texts.filter((text) => charts.has(text)));
}

/** Has the charts of an incident laid out now, so that whoever saves it does not wait for them. */
export function prepareCharts(observed: ObservedSystem, content: KeptContent): void {
  for (const hash of chartsIn(observed, content)) {
    // Who saves it is told of what cannot be drawn.
    observed.charts.drawable(hash).catch(() => undefined);
  }
}

/** The same with the charts that its rows name. One that cannot be drawn is left out. */
export async function withCharts(
  observed: ObservedSystem,
  content: KeptContent,
): Promise<IncidentContent> {
  const { charts, system } = observed;
  const drawn: Record<string, ChartAnswer> = {};
  for (const hash of chartsIn(observed, content)) {
    try {
      const answer = await charts.drawable(hash);
      if (answer !== undefined) drawn[hash] = answer;
    } catch (error) {
      system.logger.warn('a chart could not be drawn for an incident', { error });
    }
  }
  return { ...content, charts: drawn };
}
