import type { JSX } from 'preact';
import type { Chart } from '../../src/chart/chart.ts';
import type { ProcessRow } from '../live/store.ts';
import { useLive, usePage } from '../parts/page.ts';
import { type Machine, machinesOf, medianStay, populationOf } from '../parts/population.ts';
import { go, processAddress } from '../parts/route.ts';
import { ScrolledChart } from '../parts/scrolled-chart.tsx';
import { StandingMark } from '../parts/standing-mark.tsx';
import { standingOf, valueText } from '../parts/standing.ts';
import { Table } from '../parts/table.tsx';
import { useChart } from '../parts/use-chart.ts';
import { duration, plural } from '../parts/words.ts';

const MOST_LISTED = 200;

/** Every machine with those that run it: one chart with a count in each state instead of one for each process. */
export function MachinesScreen({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const { store } = useLive(250);
  const machines = machinesOf(store.living.values());
  const selected = machines.find(({ hash }) => hash === query.get('of')) ?? machines[0];
  if (selected === undefined) return <p>No process runs a statechart.</p>;
  return (
    <div class="machines">
      <nav aria-label="Machines">
        <h2>Machines</h2>
        <ul>
          {machines.map(({ hash, label, rows }) => (
            <li key={hash}>
              <a
                href={machineAddress(hash)}
                aria-current={hash === selected.hash ? 'true' : undefined}
              >
                {label}
              </a>{' '}
              × {rows.length}
            </li>
          ))}
        </ul>
      </nav>
      <Population key={selected.hash} machine={selected} state={query.get('state')} />
    </div>
  );
}

interface PopulationProps {
  readonly machine: Machine;
  readonly state: string | null;
}

function Population({ machine, state }: PopulationProps): JSX.Element {
  const { drawable, problem } = useChart(machine.hash);
  if (problem !== null) return <p class="problem">The chart cannot be shown: {problem}</p>;
  if (drawable === null) return <p role="status">Drawing the chart …</p>;
  const { chart } = drawable;
  const population = populationOf(chart, machine.rows);
  const counts = Object.fromEntries([...population].map(([id, rows]) => [id, rows.length]));
  const shown = state === null ? undefined : chart.states.find(({ id }) => id === state);
  const select = (id: string): void => go(machineAddress(machine.hash, id), true);
  return (
    <section aria-label={`Population of ${machine.label}`} class="population">
      <h2>
        {machine.label}: {plural(machine.rows.length, 'process', 'processes')}
      </h2>
      <div class="chart-tab">
        <div
          onClick={(event) => {
            const id = stateAt(event.target);
            if (id !== null) select(id);
          }}
        >
          <ScrolledChart
            drawable={drawable}
            counts={counts}
            active={shown === undefined ? [] : [shown.id]}
          />
        </div>
        <div class="beside">
          <States chart={chart} population={population} selected={state} onSelect={select} />
          {shown !== undefined && (
            <Members title={shown.id} rows={population.get(shown.id) ?? []} />
          )}
        </div>
      </div>
    </section>
  );
}

interface StatesProps {
  readonly chart: Chart;
  readonly population: ReadonlyMap<string, readonly ProcessRow[]>;
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
}

/** The counts as a table. */
function States({ chart, population, selected, onSelect }: StatesProps): JSX.Element {
  const { connection } = usePage();
  return (
    <Table label="Who is in which state" titles={['State', 'Processes', 'Half are in it for']}>
      {chart.states
        .filter(({ id }) => id !== chart.root)
        .map(({ id }) => {
          const rows = population.get(id) ?? [];
          return (
            <tr key={id} data-state-row={id} data-count={rows.length}>
              <td>
                <button type="button" aria-pressed={id === selected} onClick={() => onSelect(id)}>
                  {id.slice(chart.root.length + 1)}
                </button>
              </td>
              <td>{rows.length === 0 ? '' : rows.length}</td>
              <td>{rows.length === 0 ? '' : duration(medianStay(rows, connection.clock()))}</td>
            </tr>
          );
        })}
    </Table>
  );
}

interface MembersProps {
  readonly title: string;
  readonly rows: readonly ProcessRow[];
}

function Members({ title, rows }: MembersProps): JSX.Element {
  const sorted = [...rows].sort((a, b) => a.path.localeCompare(b.path));
  return (
    <section aria-label={`In ${title}`} class="members">
      <h3 aria-live="polite">
        In {title}: {plural(rows.length, 'process', 'processes')}
        {rows.length > MOST_LISTED && `; the first ${MOST_LISTED} are listed`}
      </h3>
      <ul>
        {sorted.slice(0, MOST_LISTED).map((row) => (
          <li key={row.pid}>
            <StandingMark standing={standingOf(row)} />{' '}
            <a href={processAddress(row.path)}>{row.path}</a> {valueText(row.value)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function machineAddress(hash: string, state?: string): string {
  const query = new URLSearchParams({ of: hash, ...(state !== undefined && { state }) });
  return `#/machines?${query.toString()}`;
}

/** The innermost state of the picture that somebody pointed at. */
function stateAt(target: EventTarget | null): string | null {
  if (!(target instanceof Element)) return null;
  return target.closest('[data-state]')?.getAttribute('data-state') ?? null;
}
