import type { JSX } from 'preact';
import type { LifeRecord } from '../../src/protocol.ts';
import { usePage } from '../parts/page.ts';
import { ValueTree } from '../parts/value-tree.tsx';
import { duration } from '../parts/words.ts';
import { MomentButton } from '../replay/moment-button.tsx';
import { IncarnationBars } from './incarnation-bars.tsx';
import type { TabProps } from './process.tsx';
import { RestartCard } from './restart-card.tsx';

/** What happened to all who had this path; the newest first. */
export function LifeTab({ row }: TabProps): JSX.Element {
  const { store } = usePage();
  const records = store.life.filter(({ path }) => path === row.path).reverse();
  if (records.length === 0) {
    return <p>Nothing was recorded of its life since this page looks.</p>;
  }
  return (
    <>
      <RestartCard row={row} />
      <IncarnationBars path={row.path} />
      <h3>What happened</h3>
      <LifeTable records={records} />
    </>
  );
}

function LifeTable({ records }: { readonly records: readonly LifeRecord[] }): JSX.Element {
  return (
    <table class="life">
      <thead>
        <tr>
          {['When', 'Incarnation', 'What', 'Why', 'After'].map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {records.map((record, index) => (
          <tr key={`${record.at} ${index}`}>
            <td>
              <MomentButton at={record.at} />
            </td>
            <td>{record.inc}</td>
            <td>
              {wordOf(record)}
              {record.details !== undefined && <ValueTree name="details" value={record.details} />}
            </td>
            <td class="long">{record.reason ?? ''}</td>
            <td>{record.afterMs === undefined ? '' : duration(record.afterMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function wordOf({ what }: LifeRecord): string {
  return what.replace(/([A-Z])/g, ' $1').toLowerCase();
}
