import type { JSX } from 'preact';
import { listOf, membersOf, numberOf, textOf } from '../parts/json.ts';
import { usePage } from '../parts/page.ts';
import { usePolled } from '../parts/polled.ts';
import { Table } from '../parts/table.tsx';
import { plural, shortTime } from '../parts/words.ts';
import { CallList } from './call-list.tsx';
import { WorkerTable } from './worker-table.tsx';

const ASKED_EVERY_MS = 1_000;
const POOL_TITLES = [
  'Pool',
  'State',
  'Workers ready',
  'Waiting',
  'Oldest waits',
  'In flight',
  'Done',
  'Failed',
  'Refused',
  'Restarts',
  'p50',
  'p99',
];
const SESSION_TITLES = ['Session', 'Phase', 'Keeps to', 'Calls', 'Idle', 'Lives'];

/** Pools, their workers, the calls that are worth a look, and sessions. */
export function PoolsScreen(): JSX.Element {
  const { api } = usePage();
  const { answer, problem } = usePolled(api.panels, ASKED_EVERY_MS);
  const { pools, calls, sessions } = membersOf(answer?.panels['python']);
  const rows = listOf(pools).map(membersOf);
  const { failing, slowest } = membersOf(calls);
  return (
    <div class="pools">
      {problem !== null && <p class="problem">Not known now: {problem}</p>}
      <h2>Pools</h2>
      {answer === null && problem === null && <p role="status">Asking …</p>}
      {answer !== null && rows.length === 0 && <p>This system has no Python pools.</p>}
      {rows.length > 0 && (
        <Table label="Pools" titles={POOL_TITLES}>
          {rows.map((pool) => (
            <PoolRow key={textOf(pool['name'])} pool={pool} />
          ))}
        </Table>
      )}
      <WorkerTable />
      <CallList title="Failing calls" none="No call has failed." calls={listOf(failing)} />
      <CallList
        title="Slowest calls"
        none="None has ended since this page looks."
        calls={listOf(slowest)}
      />
      <Sessions sessions={membersOf(sessions)} />
    </div>
  );
}

function PoolRow({ pool }: { readonly pool: Readonly<Record<string, unknown>> }): JSX.Element {
  const latency = membersOf(pool['latency']);
  const circuit = textOf(pool['circuit']);
  const waiting = numberOf(pool['queued']) ?? 0;
  const count = (name: string): string => String(numberOf(pool[name]) ?? '');
  return (
    <tr>
      <th scope="row">{textOf(pool['name'])}</th>
      <td>
        {textOf(pool['state'])}
        {circuit !== null && ` · circuit ${circuit}`}
      </td>
      <td>
        {count('ready')} of {count('size')}
      </td>
      <td>
        {waiting} of {count('maxQueueSize')}
      </td>
      <td>{waiting === 0 ? '' : milliseconds(pool['oldestWaitMs'])}</td>
      <td>
        {count('inFlight')} of{' '}
        {(numberOf(pool['size']) ?? 0) * (numberOf(pool['concurrency']) ?? 1)}
      </td>
      <td>{count('succeeded')}</td>
      <td>{count('failed')}</td>
      <td>{count('refused')}</td>
      <td>{count('restarts')}</td>
      <td>{milliseconds(latency['p50Ms'])}</td>
      <td>{milliseconds(latency['p99Ms'])}</td>
    </tr>
  );
}

function milliseconds(value: unknown): string {
  const ms = numberOf(value);
  return ms === null ? '' : shortTime(ms);
}

function Sessions(props: { readonly sessions: Readonly<Record<string, unknown>> }): JSX.Element {
  const count = numberOf(props.sessions['count']) ?? 0;
  const shown = listOf(props.sessions['shown']).map(membersOf);
  return (
    <section aria-labelledby="sessions-title">
      <h2 id="sessions-title">Sessions</h2>
      <p>
        {count === 0 ? 'There is none.' : plural(count, 'session')}
        {shown.length < count && `; the last ${shown.length} are shown`}
      </p>
      {shown.length > 0 && (
        <Table label="Sessions" titles={SESSION_TITLES}>
          {shown.map((session) => (
            <tr key={textOf(session['id'])}>
              <td>{textOf(session['id'])}</td>
              <td>{textOf(session['phase'])}</td>
              <td>
                {textOf(session['affinity'])}:{' '}
                {listOf(session['pools'])
                  .map(membersOf)
                  .map(({ pool, worker }) => `${textOf(worker) ?? 'any'} in ${textOf(pool) ?? ''}`)
                  .join(', ')}
              </td>
              <td>{numberOf(session['pending'])}</td>
              <td>{milliseconds(session['idleMs'])}</td>
              <td>{milliseconds(session['ttlMs'])}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
