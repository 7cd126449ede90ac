import type { JSX } from 'preact';
import { usePage } from '../parts/page.ts';
import { ValueTree } from '../parts/value-tree.tsx';
import type { TabProps } from './process.tsx';

/** The data of a process, who it is linked to, and how its supervisor starts it. */
export function StateTab({ row, details }: TabProps): JSX.Element {
  const { store, replay } = usePage();
  if (details === null && replay.moment() !== null) {
    return (
      <p>Of a past moment only what the tree showed is recorded, not the data of a process.</p>
    );
  }
  if (details === null) {
    return <p>{row.ended === null ? 'Asking …' : 'It was not looked at while it lived.'}</p>;
  }
  const { context, links, monitoredBy, monitoring, turns, child } = details.answer;
  const names = (pids: readonly number[]): string =>
    pids.map((pid) => store.living.get(pid)?.path ?? `pid ${pid}`).join(', ') || 'nobody';
  const allowed = store.hello?.can.context;
  return (
    <div class="state-tab">
      {row.ended !== null && <p>As it was last seen.</p>}
      {allowed === 'none' && (
        <p>Contexts are not shown here: the observer was started without them.</p>
      )}
      {allowed === 'keys' && <p>Only the names of members are shown here, not their values.</p>}
      {allowed !== 'none' && <ValueTree name="context" value={context} isOpen />}
      {child !== null && <ValueTree name="child of its supervisor" value={child} />}
      <p>
        Linked to: {names(links)}. Monitored by: {names(monitoredBy)}. Monitors: {names(monitoring)}
        . {turns} turns.
      </p>
    </div>
  );
}
