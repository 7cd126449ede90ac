import type { ComponentChildren, JSX } from 'preact';

interface TableProps {
  readonly label: string;
  readonly titles: readonly string[];
  readonly children: ComponentChildren;
}

/** A table that scrolls by itself, also by the keyboard. */
export function Table({ label, titles, children }: TableProps): JSX.Element {
  return (
    <div class="scroll wide" tabIndex={0} role="group" aria-label={`${label}; scrolls`}>
      <table aria-label={label}>
        <thead>
          <tr>
            {titles.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
