import type { JSX } from 'preact';
import { useCallback, useState } from 'preact/hooks';
import type { ActorAnswer } from '../../src/protocol.ts';
import type { ProcessRow } from '../live/store.ts';
import { linesOf, membersOf, numberOf, textOf } from '../parts/json.ts';
import { useLive } from '../parts/page.ts';
import { usePolled } from '../parts/polled.ts';
import { processAddress } from '../parts/route.ts';
import { StandingMark } from '../parts/standing-mark.tsx';
import { standingOf, valueText } from '../parts/standing.ts';
import { Table } from '../parts/table.tsx';
import { bytes, duration, shortTime } from '../parts/words.ts';

const ASKED_EVERY_MS = 2_000;
/** Of more workers only what is in the tree is known here. */
const MOST_ASKED = 64;
const TITLES = [
  'Worker',
  'State',
  'Process',
  'Serves for',
  'Incarnation',
  'In flight',
  'Calls',
  'Beat',
  'Missed',
  'Memory',
  'Last error',
  'Output',
];

/** All workers of all pools. */
export function WorkerTable(): JSX.Element {
  const { store, api } = useLive(250);
  const [shown, setShown] = useState<string | null>(null);
  const ask = useCallback(async () => {
    const answers = new Map<number, ActorAnswer>();
    for (const { pid } of workersOf(store.living.values()).slice(0, MOST_ASKED)) {
      // One that has just ended is not known any more.
      const answer = await api.actor(pid).catch(() => null);
      if (answer !== null) answers.set(pid, answer);
    }
    return answers;
  }, [api, store]);
  const { answer } = usePolled(ask, ASKED_EVERY_MS);
  const workers = workersOf([...store.living.values(), ...store.dead.values()]);
  const selected = workers.find(({ path }) => path === shown);
  return (
    <section aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.length === 0 ? (
        <p>There is no worker.</p>
      ) : (
        <Table label="Workers" titles={TITLES}>
          {workers.map((row) => (
            <WorkerRow
              key={row.path}
              row={row}
              facts={membersOf(answer?.get(row.pid)?.facts)}
              isShown={row.path === shown}
              onShow={() => setShown(row.path === shown ? null : row.path)}
            />
          ))}
        </Table>
      )}
      {selected !== undefined && (
        <Output row={selected} facts={membersOf(answer?.get(selected.pid)?.facts)} />
      )}
    </section>
  );
}

function workersOf(rows: Iterable<ProcessRow>): ProcessRow[] {
  return [...rows].filter(({ kind }) => kind === 'worker');
}

interface WorkerRowProps {
  readonly row: ProcessRow;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly isShown: boolean;
  readonly onShow: () => void;
}

function WorkerRow({ row, facts, isShown, onShow }: WorkerRowProps): JSX.Element {
  const details = membersOf(facts['details']);
  const serves = numberOf(details['servingForMs']);
  const end = membersOf(details['lastEnd']);
  const name = nameOf(row, facts);
  return (
    <tr>
      <th scope="row">
        <a href={processAddress(row.path)}>{name}</a>
      </th>
      <td>
        <StandingMark standing={standingOf(row)} /> {valueText(row.value)}
      </td>
      <td>{row.os}</td>
      <td>{serves === null ? '' : duration(serves)}</td>
      <td>
        {row.inc > 1 ? <a href={processAddress(row.path, 'life')}>{row.inc}, why?</a> : row.inc}
      </td>
      <td>{row.inflight}</td>
      <td>{numberOf(details['callsGiven'])}</td>
      <td>{row.hb === null ? '' : shortTime(row.hb)}</td>
      <td>{numberOf(facts['missedHeartbeats'])}</td>
      <td>{row.rss === null ? '' : bytes(row.rss)}</td>
      <td class="long">{row.ended?.reason ?? textOf(end['reason']) ?? row.err}</td>
      <td>
        <button type="button" aria-expanded={isShown} onClick={onShow}>
          Output <span class="unseen">of {name}</span>
        </button>
      </td>
    </tr>
  );
}

/** What a worker is called among people: its id, else the last two parts of its path. */
function nameOf({ path }: ProcessRow, facts: Readonly<Record<string, unknown>>): string {
  return textOf(membersOf(facts['details'])['workerId']) ?? path.split('/').slice(-2).join('/');
}

function Output({ row, facts }: Pick<WorkerRowProps, 'row' | 'facts'>): JSX.Element {
  const lines = linesOf(facts['output']);
  const name = nameOf(row, facts);
  return (
    <section aria-label={`Output of ${name}`}>
      <h3>Output of {name}</h3>
      {lines.length === 0 ? (
        <p>It has printed nothing.</p>
      ) : (
        <pre tabIndex={0}>{lines.join('\n')}</pre>
      )}
    </section>
  );
}
