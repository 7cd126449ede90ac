import type { JSX } from 'preact';
import type { SupervisorAnswer } from '../../src/protocol.ts';
import { membersOf, numberOf, textOf } from '../parts/json.ts';
import { usePage, useTicks, wantsStillness } from '../parts/page.ts';
import { processAddress } from '../parts/route.ts';
import { Table } from '../parts/table.tsx';
import { duration, plural } from '../parts/words.ts';
import type { TabProps } from './process.tsx';
import { windowSentence, windowLeftMs } from '../parts/restart-window.ts';

const STRATEGIES: Readonly<Record<string, string>> = {
  oneForOne: 'one for one: only the child that ended is started again',
  oneForAll: 'one for all: when one child ends, all are started again',
  restForOne: 'rest for one: those that were started after it are started again, too',
  dynamic: 'dynamic: children come and go; only the one that ended is started again',
};
const SIZE = { width: 560, height: 64, line: 40 };

/** What a supervisor decides by: its strategy, its children in start order, and the restarts that still count. */
export function SupervisorTab({ row, details }: TabProps): JSX.Element {
  const { store } = usePage();
  const hasGivenUp = store.life.some(
    ({ what, path, inc }) => what === 'gaveUp' && path === row.path && inc === row.inc,
  );
  const supervisor = withStanding(details?.answer.supervisor ?? null, hasGivenUp);
  useTicks((supervisor?.entries.length ?? 0) > 0, wantsStillness() ? 1_000 : 100);
  if (details === null || supervisor === null) {
    if (hasGivenUp) return <p data-standing="exceeded">{exceededText(row)}</p>;
    return (
      <p>{row.window === null ? 'It is not known now.' : `Restarts that count: ${row.window}`}</p>
    );
  }
  const now = details.answer.t + (row.ended === null ? performance.now() - details.cameAt : 0);
  return (
    <div class="supervisor-tab">
      <p>
        <strong>{STRATEGIES[supervisor.strategy ?? ''] ?? supervisor.strategy}</strong>
      </p>
      <IntensityWindow supervisor={supervisor} now={now} />
      <Children supervisor={supervisor} />
    </div>
  );
}

/** One that gives up is gone before it can be asked once more. */
function withStanding(
  supervisor: SupervisorAnswer | null,
  hasGivenUp: boolean,
): SupervisorAnswer | null {
  return supervisor === null || !hasGivenUp ? supervisor : { ...supervisor, standing: 'exceeded' };
}

function exceededText({ window }: TabProps['row']): string {
  const counted = window === null ? '' : ` (restarts that counted: ${window})`;
  return `⚠ exceeded: it has given up${counted}.`;
}

interface WindowProps {
  readonly supervisor: SupervisorAnswer;
  readonly now: number;
}

function IntensityWindow({ supervisor, now }: WindowProps): JSX.Element {
  const { maxSeconds, maxRestarts } = supervisor;
  const entries = supervisor.entries.filter(({ at }) => windowLeftMs(at, maxSeconds, now) > 0);
  const sentence = windowSentence({ ...supervisor, entries }, now);
  return (
    <section aria-labelledby="window-title" class={`window window-${supervisor.standing}`}>
      <h3 id="window-title">Restart intensity</h3>
      <p data-standing={supervisor.standing}>{sentence}</p>
      <WindowLine {...supervisor} entries={entries} now={now} sentence={sentence} />
      <ol>
        {entries.map(({ at, child, reason }, index) => (
          <li key={`${at} ${index}`} class="long">
            {textOf(child) ?? 'a child'} {duration(Math.max(0, now - at))} ago, counts for{' '}
            {duration(windowLeftMs(at, maxSeconds, now))} more: {reason ?? 'reason not recorded'}
          </li>
        ))}
      </ol>
      {entries.length === 0 && (
        <p>
          {plural(maxRestarts, 'restart')} within {maxSeconds} s {maxRestarts === 1 ? 'is' : 'are'}{' '}
          allowed; none counts now.
        </p>
      )}
    </section>
  );
}

interface LineProps extends Pick<SupervisorAnswer, 'maxSeconds' | 'entries'> {
  readonly now: number;
  readonly sentence: string;
}

/** The window as a line along which restarts slide until they are forgotten. */
function WindowLine({ maxSeconds, entries, now, sentence }: LineProps): JSX.Element {
  const x = (at: number): number => {
    const age = (now - at) / ((maxSeconds + 1) * 1_000);
    return (1 - Math.min(1, Math.max(0, age))) * (SIZE.width - 20) + 10;
  };
  return (
    <svg
      class="window-line"
      role="img"
      aria-label={sentence}
      viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
      width={SIZE.width}
      height={SIZE.height}
    >
      <line x1="10" x2={SIZE.width - 10} y1={SIZE.line} y2={SIZE.line} />
      <text x="10" y={SIZE.height - 4}>
        {maxSeconds} s ago: forgotten
      </text>
      <text x={SIZE.width - 10} y={SIZE.height - 4} class="end">
        now
      </text>
      {entries.map(({ at, child }, index) => (
        <g key={`${at} ${index}`}>
          <circle cx={x(at)} cy={SIZE.line} r={7} />
          <text x={x(at)} y={SIZE.line - 12 - (index % 2) * 12} class="middle">
            {textOf(child) ?? ''}
          </text>
        </g>
      ))}
    </svg>
  );
}

const CHILD_TITLES = ['Child', 'Status', 'Starts', 'Restart', 'Shutdown', 'Type', 'Last exit'];

function Children({ supervisor }: Pick<WindowProps, 'supervisor'>): JSX.Element {
  const { store } = usePage();
  const children = supervisor.children.map(membersOf);
  return (
    <>
      <h3>Children in start order: {children.length}</h3>
      <Table label="Children" titles={CHILD_TITLES}>
        {children.map((child, index) => {
          const path = store.living.get(numberOf(child['pid']) ?? -1)?.path;
          const name = textOf(child['segment']) ?? String(child['id']);
          const shutdown = child['shutdown'];
          return (
            <tr key={index}>
              <th scope="row">
                {path === undefined ? name : <a href={processAddress(path)}>{name}</a>}
              </th>
              <td>{textOf(child['status'])}</td>
              <td>{numberOf(child['starts'])}</td>
              <td>{textOf(child['restart'])}</td>
              <td>{typeof shutdown === 'number' ? duration(shutdown) : textOf(shutdown)}</td>
              <td>{textOf(child['type'])}</td>
              <td>{textOf(child['lastExit'])}</td>
            </tr>
          );
        })}
      </Table>
    </>
  );
}
