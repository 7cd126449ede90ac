import type { JSX } from 'preact';
import { bytes, shortTime } from '../parts/words.ts';
import { ValueTree } from '../parts/value-tree.tsx';
import type { TabProps } from './process.tsx';

/** Facts that the row has already. */
const SHOWN = new Set(['role', 'osPid', 'rssBytes', 'heartbeatMs', 'inFlight', 'restarts']);

/** What the operating system and the worker itself say of a Python worker. */
export function WorkerTab({ row, details }: TabProps): JSX.Element {
  const facts = Object.entries(details?.answer.facts ?? {}).filter(([name]) => !SHOWN.has(name));
  const output = facts.filter(([, value]) => linesOf(value) !== null);
  return (
    <div class="worker-tab">
      <dl>
        <dt>Process of the operating system</dt>
        <dd>{row.os ?? 'none now'}</dd>
        <dt>Memory of its process group</dt>
        <dd>{row.rss === null ? 'not known' : bytes(row.rss)}</dd>
        <dt>Round trip of its last heartbeat</dt>
        <dd>{row.hb === null ? 'not known' : shortTime(row.hb)}</dd>
        <dt>Calls that it executes</dt>
        <dd>{row.inflight ?? 'not known'}</dd>
      </dl>
      {facts
        .filter(([, value]) => linesOf(value) === null)
        .map(([name, value]) => (
          <p key={name}>
            <ValueTree name={name} value={value} isOpen />
          </p>
        ))}
      {output.map(([name, value]) => (
        <section key={name} aria-label={name}>
          <h3>{name}</h3>
          <pre tabIndex={0}>{linesOf(value)}</pre>
        </section>
      ))}
    </div>
  );
}

/** Text of several lines, or a list of lines; null for anything else. */
function linesOf(value: unknown): string | null {
  if (typeof value === 'string') return value.includes('\n') ? value : null;
  if (!Array.isArray(value) || value.length === 0) return null;
  const lines: readonly unknown[] = value;
  return lines.every((line) => typeof line === 'string') ? lines.join('\n') : null;
}
