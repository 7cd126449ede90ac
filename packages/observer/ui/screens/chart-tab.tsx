import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { activeStates, openEdges } from '../../src/chart/active-states.ts';
import type { PendingTimer, WaitingMessage } from '../../src/protocol.ts';
import { usePage, useTicks, wantsStillness } from '../parts/page.ts';
import { ScrolledChart } from '../parts/scrolled-chart.tsx';
import { lastEdgeOf } from '../parts/last-edge.ts';
import { parseValue } from '../parts/standing.ts';
import { useChart } from '../parts/use-chart.ts';
import { duration, plural } from '../parts/words.ts';
import type { Details, TabProps } from './process.tsx';
import { TransitionTable } from './transition-table.tsx';

/** The chart of the machine that a process runs, in its present state. */
export function ChartTab({ row, details }: TabProps): JSX.Element {
  const { store } = usePage();
  const { drawable, problem } = useChart(row.chart);
  const timers = row.ended === null ? timersOf(details) : [];
  useTicks(timers.length > 0, wantsStillness() ? 1_000 : 100);
  const chart = drawable?.chart;
  const active = useMemo(
    () => (chart === undefined ? [] : activeStates(chart, parseValue(row.value))),
    [chart, row.value],
  );
  if (row.chart === null) {
    return (
      <div class="beside">
        <p>It is no statechart: {row.kind} processes have a state, but no chart of it.</p>
        <Timers timers={timers} />
        <Shelves details={details} />
      </div>
    );
  }
  if (problem !== null) return <p class="problem">The chart cannot be shown: {problem}</p>;
  if (drawable === null) return <p role="status">Drawing the chart …</p>;
  const lastEdge = lastEdgeOf(drawable.chart, store.messagesOf(row.pid).list);
  return (
    <div class="chart-tab">
      <ScrolledChart drawable={drawable} active={active} lastEdge={lastEdge} timers={timers} />
      <div class="beside">
        <Timers timers={timers} />
        <Shelves details={details} />
        <h3 id="transitions-title">Transitions</h3>
        <TransitionTable
          chart={drawable.chart}
          open={row.ended === null ? openEdges(drawable.chart, active) : new Set()}
          lastEdge={lastEdge}
        />
      </div>
    </div>
  );
}

function Timers({ timers }: { readonly timers: readonly PendingTimer[] }): JSX.Element | null {
  if (timers.length === 0) return null;
  return (
    <>
      <h3>Delays that run</h3>
      <ul class="timers">
        {timers.map((timer, index) => (
          <li key={index}>
            {timerText(timer)}: {duration(timer.leftMs)} of {duration(timer.delayMs)} left
          </li>
        ))}
      </ul>
    </>
  );
}

function timerText({ kind, event, state }: PendingTimer): string {
  if (kind === 'after') return `in ${state ?? 'its state'}`;
  return kind === 'timeout' ? 'until it waits no longer' : `until ${event} is sent`;
}

/** What waits for its turn, and events that wait until another state takes them. */
function Shelves({ details }: { readonly details: Details | null }): JSX.Element | null {
  if (details === null) return null;
  const { mailbox, postponed } = details.answer;
  return (
    <>
      <Shelf title="Waiting" messages={mailbox} />
      <Shelf title="Postponed" messages={postponed} />
    </>
  );
}

interface ShelfProps {
  readonly title: string;
  readonly messages: readonly WaitingMessage[];
}

function Shelf({ title, messages }: ShelfProps): JSX.Element | null {
  if (messages.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <p>
        {plural(messages.length, 'message')}: {messages.map(({ event }) => event).join(', ')}
      </p>
    </>
  );
}

function timersOf(details: Details | null): PendingTimer[] {
  if (details === null) return [];
  const passed = performance.now() - details.cameAt;
  return details.answer.timers.map((timer) => ({
    ...timer,
    leftMs: Math.max(0, timer.leftMs - passed),
  }));
}
