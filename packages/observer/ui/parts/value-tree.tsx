import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

interface ValueTreeProps {
  readonly name: string;
  readonly value: unknown;
  /** Whether it is open at first. */
  readonly isOpen?: boolean;
}

/** A value of any depth: what is inside a part is put on the page only when the part is opened. */
export function ValueTree({ name, value, isOpen = false }: ValueTreeProps): JSX.Element {
  const [shown, setShown] = useState(isOpen);
  const entries = entriesOf(value);
  if (entries.length === 0) {
    return (
      <span class="value">
        <span class="key">{name}</span> <code>{leafText(value)}</code>
      </span>
    );
  }
  return (
    <details class="value" open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span class="key">{name}</span>{' '}
        {Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}
      </summary>
      {shown && (
        <ul>
          {entries.map(([key, inner]) => (
            <li key={key}>
              <ValueTree name={key} value={inner} />
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function leafText(value: unknown): string {
  // What JSON has no word for, such as undefined, never came through it.
  return typeof value === 'string' ? value : JSON.stringify(value);
}
