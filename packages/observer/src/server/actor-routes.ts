import type { Pid, ProcessDetails } from '@snakepit/core';
import type {
  ActorAnswer,
  LifeRecord,
  PendingTimer,
  SupervisorAnswer,
  WaitingMessage,
} from '../protocol.ts';
import { offeredActions } from '../act/actions.ts';
import { factsOf } from '../tree/process-facts.ts';
import { reasonText, wireLife } from '../tree/life-reader.ts';
import type { Shower } from '../shown/show.ts';
import type { ObservedSystem } from './observed-system.ts';
import { Refusal } from './refusal.ts';
import { pidOf, textOf } from './request-values.ts';
import type { Route } from './route.ts';
import { sendJson } from './send-json.ts';

/** Messages of a mailbox that are shown, life records of a path, and children of a supervisor. */
const mostMessages = 100;
const mostLife = 50;
const mostChildren = 1_000;

/** All there is to see of one process, and the charts. */
export function actorRoutes(observed: ObservedSystem): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/actor',
      open: false,
      handle: ({ query }, response) => {
        sendJson(response, answerOf(observed, pidOf(observed.system, query.get('pid'))));
      },
    },
    {
      method: 'GET',
      path: '/api/chart',
      open: false,
      handle: async ({ query }, response) => {
        const answer = await observed.charts.drawable(textOf(query.get('hash'), 'hash') ?? '');
        if (answer === undefined) throw new Refusal(404, 'there is no such chart.');
        // Its name is a hash of what is in it: it never changes.
        response.setHeader('cache-control', 'private, max-age=31536000, immutable');
        sendJson(response, answer);
      },
    },
  ];
}

function answerOf(observed: ObservedSystem, pid: Pid): ActorAnswer {
  const { system, feed, shower, plan } = observed;
  const details = system.records.describeProcess(pid);
  // Who asks may not have a stream.
  if (feed.row(pid.id) === undefined || !feed.isFollowed) feed.look();
  const row = feed.row(pid.id);
  if (details === undefined || row === undefined) {
    throw new Refusal(404, `${pid.toString()} is gone.`);
  }
  const { info } = details;
  const now = system.clock.now();
  const facts = factsOf(system, info) ?? {};
  return {
    row,
    t: now,
    context: shower.showData(details.context),
    active: details.activeStates,
    timers: details.timers.map(timerOf),
    mailbox: messagesOf(shower, details.mailbox),
    postponed: messagesOf(shower, details.postponed),
    trapExit: details.trapExit,
    busySince: details.busySince ?? null,
    links: info.linkedPids.map(({ id }) => id),
    monitoredBy: details.monitoredBy.map(({ id }) => id),
    monitoring: details.monitoring.map(({ id }) => id),
    turns: info.turns,
    child: details.child === undefined ? null : shower.show(details.child),
    supervisor: supervisorOf(shower, details),
    recent: info.recent.map(({ kind, type, agoMs }) => ({ kind, type, at: now - agoMs })),
    life: lifeOf(observed, details.path),
    // A plain object stays one.
    // Spread: some of our own facts are made when they are read, and what is shown runs no getters.
    facts: shower.show({ ...facts }) as ActorAnswer['facts'],
    actions: plan.actions ? offeredActions(observed, info) : [],
  };
}

function timerOf({ kind, event, state, ...times }: ProcessDetails['timers'][number]): PendingTimer {
  return { kind, event, state: state ?? null, ...times };
}

function messagesOf(shower: Shower, waiting: ProcessDetails['mailbox']): readonly WaitingMessage[] {
  const { showData } = shower.together();
  return waiting.slice(0, mostMessages).map(({ kind, event, from, message }) => {
    return { kind, event, from: from ?? null, body: showData(message) };
  });
}

function supervisorOf(
  { show }: Shower,
  { strategy, restartWindow, children }: ProcessDetails,
): SupervisorAnswer | null {
  if (restartWindow === undefined) return null;
  const { maxRestarts, maxSeconds, standing, entries } = restartWindow;
  return {
    strategy: strategy ?? null,
    maxRestarts,
    maxSeconds,
    standing,
    entries: entries.map(({ at, childId, reason }) => ({
      at,
      child: childId === undefined ? null : show(childId),
      reason: reason === undefined ? null : reasonText(reason),
    })),
    children: children.slice(0, mostChildren).map((child) => show(child)),
  };
}

function lifeOf({ system, shower }: ObservedSystem, path: string): readonly LifeRecord[] {
  const all = system.records.lifeSince(0).records.filter((record) => record.path === path);
  return all.slice(-mostLife).map((record) => wireLife(record, () => undefined, shower.show));
}
