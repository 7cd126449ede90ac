import type { JSX } from 'preact';
import type { Chart, ChartEdge } from '../../src/chart/chart.ts';

interface TransitionTableProps {
  readonly chart: Chart;
  /** Ids of the transitions that could be taken now. */
  readonly open: ReadonlySet<string>;
  readonly lastEdge: string | null;
}

/** A chart as a table: for those who do not see the picture, and for all who search in it. Possible ones first. */
export function TransitionTable({ chart, open, lastEdge }: TransitionTableProps): JSX.Element {
  const short = (id: string): string =>
    id.startsWith(`${chart.root}.`) ? id.slice(chart.root.length + 1) : id;
  const edges = [...chart.edges].sort((a, b) => Number(open.has(b.id)) - Number(open.has(a.id)));
  return (
    <div class="scroll" tabIndex={0} role="group" aria-labelledby="transitions-title">
      <table class="transitions" aria-labelledby="transitions-title">
        <thead>
          <tr>
            {['Now', 'From', 'Event', 'Guard', 'To', 'Actions'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <tr key={edge.id} class={open.has(edge.id) ? 'open' : ''}>
              <td>{mark(edge, open, lastEdge)}</td>
              <td>{short(edge.source)}</td>
              <td>{edge.label}</td>
              <td>{edge.guard}</td>
              <td>{edge.targets.length === 0 ? 'stays' : edge.targets.map(short).join(', ')}</td>
              <td>{edge.actions.join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function mark(edge: ChartEdge, open: ReadonlySet<string>, lastEdge: string | null): string {
  const possible = open.has(edge.id) ? (edge.guard === '' ? '● possible' : '◐ if guarded so') : '';
  return edge.id === lastEdge ? `★ last ${possible}` : possible;
}
