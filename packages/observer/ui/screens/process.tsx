import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ActorAnswer } from '../../src/protocol.ts';
import type { ProcessRow } from '../live/store.ts';
import { type Page, useLive } from '../parts/page.ts';
import { go, processAddress, timeAddress, treeAddress } from '../parts/route.ts';
import { StandingMark } from '../parts/standing-mark.tsx';
import { standingOf, valueText } from '../parts/standing.ts';
import { duration } from '../parts/words.ts';
import { Actions } from './actions.tsx';
import { ChartTab } from './chart-tab.tsx';
import { LifeTab } from './life-tab.tsx';
import { MessagesTab } from './messages-tab.tsx';
import { StateTab } from './state-tab.tsx';
import { SupervisorTab } from './supervisor-tab.tsx';
import { WorkerTab } from './worker-tab.tsx';

/** What the server last said of a process, and when that came here. */
export interface Details {
  readonly answer: ActorAnswer;
  readonly cameAt: number;
}

/** What each tab shows. */
export interface TabProps {
  readonly row: ProcessRow;
  readonly details: Details | null;
}

const TABS: readonly {
  id: string;
  title: string;
  content: (props: TabProps) => JSX.Element;
  isFor: (row: ProcessRow) => boolean;
}[] = [
  { id: 'chart', title: 'Chart', content: ChartTab, isFor: () => true },
  { id: 'messages', title: 'Messages', content: MessagesTab, isFor: () => true },
  { id: 'state', title: 'State', content: StateTab, isFor: () => true },
  { id: 'life', title: 'Life', content: LifeTab, isFor: () => true },
  {
    id: 'supervisor',
    title: 'Supervisor',
    content: SupervisorTab,
    isFor: ({ window }) => window !== null,
  },
  {
    id: 'worker',
    title: 'Worker',
    content: WorkerTab,
    isFor: ({ kind, os }) => kind === 'worker' || os !== null,
  },
];
const ASKED_EVERY_MS = 500;

interface ProcessScreenProps {
  readonly path: string;
  readonly tab: string | null;
}

/** One process: whoever has its path. A restart changes what is shown, not what is selected. */
export function ProcessScreen({ path, tab }: ProcessScreenProps): JSX.Element {
  const page = useLive(100);
  const row = page.store.find(path);
  const pid = row?.ended === null ? row.pid : null;
  // Of a moment that is over nobody can be asked.
  const isPast = page.connection.link().state === 'past';
  const { details, problem } = useDetails(page, isPast ? null : pid);
  useWatch(page, pid);
  if (row === undefined) {
    return (
      <section class="notice">
        <h2>{path}</h2>
        <p>No process has this path, and none that had it is remembered.</p>
        <a href="#/tree">To the tree</a>
      </section>
    );
  }
  const tabs = TABS.filter(({ isFor }) => isFor(row));
  const shown = tabs.find(({ id }) => id === tab) ?? tabs[0];
  const Content = shown?.content ?? ChartTab;
  return (
    <div class="process">
      <Header row={row} details={details} now={page.connection.clock()} />
      {problem !== null && row.ended === null && <p class="problem">Not known now: {problem}</p>}
      <div
        role="tablist"
        aria-label="What to show"
        class="tabs"
        onKeyDown={(event) => tabKey(event, path, tabs)}
      >
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            id={`tab-${id}`}
            role="tab"
            type="button"
            aria-selected={id === shown?.id}
            aria-controls="tab-panel"
            tabIndex={id === shown?.id ? 0 : -1}
            onClick={() => go(processAddress(path, id), true)}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${shown?.id ?? ''}`} tabIndex={0}>
        <Content row={row} details={details} />
      </div>
    </div>
  );
}

interface HeaderProps extends TabProps {
  readonly now: number;
}

function Header({ row, details, now }: HeaderProps): JSX.Element {
  const value = row.value === row.status ? '' : valueText(row.value);
  return (
    <div class="process-head">
      <p class="path">
        {row.parentPath !== null && (
          <>
            <a href={processAddress(row.parentPath)}>{row.parentPath}</a> /{' '}
          </>
        )}
        <strong>{row.name}</strong>
      </p>
      <h2>{row.path}</h2>
      <p class="facts" data-incarnation={row.inc}>
        <StandingMark standing={standingOf(row)} />
        {value !== '' && <> · {value}</>} · {row.kind} {row.label} · pid {row.pid} · incarnation{' '}
        {row.inc}
        {row.ended === null
          ? ` · in this state since ${duration(Math.max(0, now - row.since))}`
          : ` · ended ${duration(Math.max(0, now - row.ended.at))} ago`}
        {' · '}
        <a href={treeAddress({ sel: row.path })}>show in the tree</a> ·{' '}
        <a href={timeAddress(row.path, false)}>on the time line</a>
      </p>
      {row.ended !== null && <p class="why">Why it ended: {row.ended.reason ?? 'not known'}</p>}
      {row.ended === null && row.err !== null && (
        <p class="why">
          Why its predecessor ended: {row.err} ·{' '}
          <a href={processAddress(row.path, 'life')}>all that is known of it</a>
        </p>
      )}
      {row.ended === null && details !== null && <Actions row={row} details={details} />}
    </div>
  );
}

/** Asks again while the process is on screen; never twice at once. */
function useDetails(
  { api }: Page,
  pid: number | null,
): { readonly details: Details | null; readonly problem: string | null } {
  const [details, setDetails] = useState<Details | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (pid === null) return undefined;
    let timer = 0;
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await api.actor(pid);
        if (isOver) return;
        setDetails({ answer, cameAt: performance.now() });
        setProblem(null);
      } catch (error) {
        if (!isOver) setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!isOver) timer = window.setTimeout(() => void ask(), ASKED_EVERY_MS);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [api, pid]);
  return { details: details?.answer.row.pid === pid || pid === null ? details : null, problem };
}

/** Has the records of the process come, and no others when it is left. */
function useWatch({ watcher, connection }: Page, pid: number | null): void {
  const isLive = connection.link().state === 'live';
  useEffect(() => {
    if (pid === null || !isLive) return undefined;
    watcher.watch([pid]);
    return () => watcher.watch([]);
  }, [watcher, pid, isLive]);
}

function tabKey(
  event: KeyboardEvent,
  path: string,
  tabs: readonly { readonly id: string }[],
): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const now = tabs.findIndex(({ id }) => `tab-${id}` === document.activeElement?.id);
  if (step === undefined || now < 0) return;
  event.preventDefault();
  const next = tabs[(now + step + tabs.length) % tabs.length];
  if (next === undefined) return;
  go(processAddress(path, next.id), true);
  document.getElementById(`tab-${next.id}`)?.focus();
}
