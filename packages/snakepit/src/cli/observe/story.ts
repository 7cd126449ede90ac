import type { ActorAnswer, Handled } from '@snakepit/observer';
import { lifeText } from './life-text.ts';
import { bytes, clockTime, duration, jsonText, stateText, unknown } from './text.ts';
import type { ProcessStory, ViewedSystem } from './viewed-system.ts';

/** Messages and events that are shown, the last ones. */
const mostRecent = 10;
const mostMembers = 12;

/** All of one process, as lines. */
export function storyLines(system: ViewedSystem, path: string | undefined): string[] {
  const { story, wallOffset } = system;
  if (story === undefined) {
    const life = system.life.filter((record) => record.path === path).slice(-mostRecent);
    const what = life.length === 0 ? 'Nothing is known of it yet.' : 'It is gone.';
    return [` ${path ?? unknown}`, '', ` ${what}`, ...life.map((one) => lifeText(one, wallOffset))];
  }
  const { answer, life, messages } = story;
  return [
    ...factLines(story),
    ...section(
      'what happened',
      life.slice(-mostRecent).map((one) => lifeText(one, wallOffset).trim()),
    ),
    ...(answer === undefined ? [] : answerLines(answer, wallOffset)),
    ...section(
      'messages',
      messages.slice(-mostRecent).map((one) => messageText(one, wallOffset)),
    ),
  ];
}

function factLines({ row }: ProcessStory): string[] {
  const inc = `incarnation ${String(row.inc)}, ${String(row.restarts)} restarts`;
  const window = row.window === null ? '' : `, restart window ${row.window}`;
  const python = [
    ...(row.os === null ? [] : [`os process ${String(row.os)}`, `memory ${bytes(row.rss)}`]),
    ...(row.hb === null ? [] : [`heartbeat ${duration(row.hb)}`]),
    ...(row.inflight === null ? [] : [`${String(row.inflight)} calls in flight`]),
  ];
  return [
    ` ${row.path}  <${String(row.pid)}>`,
    ` ${row.kind} ${row.label}, ${inc}${window}`,
    ` state ${stateText(row.value)}, ${row.status}, ${String(row.mbox)} messages wait`,
    ...(python.length === 0 ? [] : [` ${python.join(', ')}`]),
    ...(row.err === null ? [] : [` its predecessor: ${row.err}`]),
  ];
}

function answerLines(answer: ActorAnswer, wallOffset: number): string[] {
  const { context, timers, mailbox, postponed, recent, child, links, turns } = answer;
  return [
    ` ${String(turns)} turns, links ${links.length === 0 ? 'none' : links.join(' ')}`,
    ...section(
      'timers',
      timers.map(({ event, leftMs, delayMs }) => {
        return `${event}: ${duration(leftMs)} of ${duration(delayMs)} left`;
      }),
    ),
    ...section('mailbox', mailbox.map(waitingText)),
    ...section('postponed', postponed.map(waitingText)),
    ...section(
      'last messages',
      recent.slice(-mostRecent).map(({ kind, type, at }) => {
        return `${clockTime(at + wallOffset)} ${kind} ${type}`;
      }),
    ),
    ...section('context', membersOf(context)),
    ...section('child', child === null ? [] : membersOf(child)),
  ];
}

function waitingText({ kind, event }: ActorAnswer['mailbox'][number]): string {
  return `${kind} ${event}`;
}

function messageText({ t, kind, event, outcome, from }: Handled, wallOffset: number): string {
  const sender = from === null ? '' : ` from <${String(from)}>`;
  return `${clockTime(t + wallOffset)} ${kind} ${event}${sender}: ${outcome}`;
}

function membersOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [jsonText(value)];
  const members = Object.entries(value).map(([name, one]) => `${name}: ${jsonText(one)}`);
  const more = members.length - mostMembers;
  return more <= 0 ? members : [...members.slice(0, mostMembers), `... ${String(more)} more`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ` ${title}`, ...lines.map((line) => `   ${line}`)];
}
