import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { membersOf, numberOf, textOf } from '../parts/json.ts';
import { keysOf } from '../parts/keys.ts';
import { duration, timeOfDay } from '../parts/words.ts';

interface CallListProps {
  readonly title: string;
  readonly none: string;
  readonly calls: readonly unknown[];
}

/** Calls that are worth a look: what went wrong in Python first, open where there is one. */
export function CallList({ title, none, calls }: CallListProps): JSX.Element {
  const all = calls.map(membersOf);
  const keys = keysOf(all, ({ at, tool, worker }) => [at, tool, worker].map(String).join(' '));
  return (
    <section aria-label={title} class="calls">
      <h2>{title}</h2>
      {calls.length === 0 && <p>{none}</p>}
      <ul>
        {all.map((call, index) => (
          <li key={keys[index]}>
            <Call call={call} isFirst={index === 0} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface CallProps {
  readonly call: Readonly<Record<string, unknown>>;
  /** Of the first one all is shown; it stays so when others come before it. */
  readonly isFirst: boolean;
}

function Call({ call, isFirst }: CallProps): JSX.Element {
  const [wasFirst] = useState(isFirst);
  const [code, message, traceback] = ['code', 'message', 'traceback'].map((name) =>
    textOf(call[name]),
  );
  const [worker, session] = [textOf(call['worker']), textOf(call['session'])];
  const at = numberOf(call['at']);
  const attempts = numberOf(call['attempts']) ?? 0;
  return (
    <>
      <p>
        <strong>{textOf(call['tool'])}</strong> in {textOf(call['pool'])}
        {worker !== null && ` on ${worker}`}
        {session !== null && ` of session ${session}`} ·{' '}
        {duration(numberOf(call['durationMs']) ?? 0)}
        {attempts > 1 && ` · ${attempts} attempts`}
        {at !== null && ` · ended ${timeOfDay(at)}`}
        {code != null && <b> · ✖ {code}</b>}
      </p>
      {traceback != null && (
        <details open={wasFirst}>
          <summary>Traceback: {traceback.slice(traceback.lastIndexOf('\n') + 1)}</summary>
          <pre tabIndex={0} aria-label={`Traceback of ${textOf(call['tool']) ?? ''}`}>
            {traceback}
          </pre>
        </details>
      )}
      {message != null && <p class="long">{message}</p>}
    </>
  );
}
