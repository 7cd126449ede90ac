import type { JSX } from 'preact';
import { type Incarnation, incarnationsOf } from '../parts/incarnations.ts';
import { useLive } from '../parts/page.ts';
import { duration } from '../parts/words.ts';
import { MomentButton } from '../replay/moment-button.tsx';

const SIZE = { width: 420, height: 16 };
const MOST = 50;

/** All who had a path, each as a bar from its beginning to its end, with the reason. */
export function IncarnationBars({ path }: { readonly path: string }): JSX.Element | null {
  const { store, connection } = useLive(500);
  const now = connection.clock();
  const own = store.life.filter((record) => record.path === path);
  const all = (incarnationsOf(own).get(path) ?? []).slice(-MOST);
  if (all.length === 0) return null;
  const first = Math.min(...all.map(({ from, until }) => from ?? until ?? now));
  return (
    <table class="incarnations" aria-label="Incarnations">
      <thead>
        <tr>
          {['Incarnation', 'From its beginning to its end', 'Lived', 'Why it ended'].map(
            (title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {all.map((one) => (
          <Bar key={`${one.inc} ${one.pid ?? ''}`} incarnation={one} first={first} now={now} />
        ))}
      </tbody>
    </table>
  );
}

interface BarProps {
  readonly incarnation: Incarnation;
  /** Where the line begins, and where it ends. */
  readonly first: number;
  readonly now: number;
}

function Bar({ incarnation, first, now }: BarProps): JSX.Element {
  const { inc, pid, until, reason } = incarnation;
  const from = incarnation.from ?? first;
  const lived = duration(Math.max(0, (until ?? now) - from));
  const span = Math.max(1, now - first);
  const x = (t: number): number => ((t - first) / span) * (SIZE.width - 4) + 2;
  return (
    <tr>
      <th scope="row">
        {inc} (pid {pid ?? 'not known'})
      </th>
      <td>
        <svg
          class="bar"
          {...SIZE}
          viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`lived ${lived}`}
        >
          <rect
            x={x(from)}
            y={3}
            width={Math.max(3, x(until ?? now) - x(from))}
            height={10}
            class={until === null ? 'alive' : 'ended'}
          />
        </svg>
      </td>
      <td>{lived}</td>
      <td class="long">
        {until === null ? (
          'it lives'
        ) : (
          <>
            <MomentButton at={until} /> {reason}
          </>
        )}
      </td>
    </tr>
  );
}
