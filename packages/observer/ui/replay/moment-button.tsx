import type { JSX } from 'preact';
import { usePage } from '../parts/page.ts';
import { timeOfDay } from '../parts/words.ts';
import { offsetOf } from './replay-bar.tsx';

/** The time of something that happened; pressed, the page shows the moment before it. */
export function MomentButton({ at }: { readonly at: number }): JSX.Element {
  const { store, replay } = usePage();
  const { from, until } = replay.span();
  const text = timeOfDay(offsetOf(store) + at);
  if (at <= from || at > until) return <>{text}</>;
  return (
    <button type="button" class="moment" onClick={() => replay.goTo(at - 1)}>
      ◂ {text}
      <span class="unseen">: show the moment before</span>
    </button>
  );
}
