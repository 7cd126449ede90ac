import type { JSX } from 'preact';
import type { Store } from '../live/store.ts';
import { useLive, usePage } from '../parts/page.ts';
import { duration, timeOfDay } from '../parts/words.ts';
import { lastFailure } from './failures.ts';

const STEP_MS = 250;

/** Under every screen: chooses the moment that all of them show. */
export function ReplayBar(): JSX.Element | null {
  const { store, replay } = useLive(500);
  const { from, until } = replay.span();
  const moment = replay.moment();
  const file = replay.file();
  if (store.structure === 0) return null;
  const offset = offsetOf(store);
  const shown = moment ?? until;
  const failure = lastFailure(replay.whole()?.life ?? [], from, shown);
  return (
    <section aria-label="Replay" class={moment === null ? 'replay' : 'replay replaying'}>
      <button type="button" onClick={() => replay.goTo(shown - 1_000)}>
        ◂ 1 s <span class="unseen">back</span>
      </button>
      <Moments from={from} until={until} shown={shown} offset={offset} />
      <button type="button" disabled={moment === null} onClick={() => replay.goTo(shown + 1_000)}>
        1 s ▸ <span class="unseen">on</span>
      </button>
      <button
        type="button"
        disabled={failure === undefined}
        onClick={() => failure !== undefined && replay.goTo(failure - 1)}
      >
        Before the last failure
      </button>
      <button
        type="button"
        disabled={moment === null || replay.live === null}
        onClick={() => replay.live?.()}
      >
        ● Live
      </button>
      <span class="replay-text">
        {file !== null && `Incident: ${file.title} · `}
        {moment === null
          ? `live; ${duration(until - from)} can be replayed`
          : `◂ replaying ${momentText(shown, until, offset)}`}
      </span>
    </section>
  );
}

interface MomentsProps {
  readonly from: number;
  readonly until: number;
  readonly shown: number;
  readonly offset: number;
}

function Moments({ from, until, shown, offset }: MomentsProps): JSX.Element {
  const { replay } = usePage();
  return (
    <input
      type="range"
      aria-label="Moment"
      aria-valuetext={momentText(shown, until, offset)}
      min={from}
      max={until}
      step="any"
      value={shown}
      onInput={(event) => replay.goTo(event.currentTarget.valueAsNumber)}
      onKeyDown={(event) => {
        const steps = STEPS[event.key];
        if (steps === undefined) return;
        event.preventDefault();
        replay.goTo(shown + steps * STEP_MS);
      }}
    />
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -20,
  PageUp: 20,
};

/** What has to be added to a time of the system for one of the calendar. */
export function offsetOf({ hello }: Store): number {
  return hello === null ? 0 : hello.wall - hello.now;
}

function momentText(moment: number, until: number, offset: number): string {
  return `${timeOfDay(offset + moment)}, ${duration(Math.max(0, until - moment))} before the end`;
}
