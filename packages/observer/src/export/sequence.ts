import type { Handled } from '../protocol.ts';
import { mermaidText } from './mermaid.ts';

/** More arrows are not readable, and Mermaid refuses texts above 50,000 characters. */
const mostArrows = 200;

/**
 * Messages between processes as a Mermaid sequence diagram: a solid arrow for a message, a dotted one for what XState
 * sends by itself, a cross at the end of one by which its process crashed.
 *
 * @param records - The messages, oldest first; of more than 200 the last ones are drawn, and how many are left out is
 *   said.
 * @param nameOf - What a process is called; default its number.
 * @returns The text of the diagram.
 */
export function messagesToMermaid(
  records: readonly Handled[],
  nameOf: (pid: number) => string = (pid) => `<${String(pid)}>`,
): string {
  const shown = records.slice(-mostArrows);
  const pids = [...new Set(shown.flatMap(({ from, actor }) => [from ?? 0, actor]))];
  const omitted = records.length - shown.length;
  const lines = [
    'sequenceDiagram',
    ...pids.map((pid) => {
      const name = pid === 0 ? 'outside' : mermaidText(nameOf(pid));
      return `  participant p${String(pid)} as ${name}`;
    }),
    ...(omitted === 0
      ? []
      : [`  Note over p${String(pids[0])}: ${String(omitted)} earlier messages are left out`]),
    ...shown.map(arrowOf),
  ];
  return `${lines.join('\n')}\n`;
}

function arrowOf({ from, actor, event, outcome }: Handled): string {
  const arrow = outcome === 'crashed' ? '-x' : event.startsWith('xstate.') ? '-->>' : '->>';
  const mark = outcome === 'handled' || outcome === 'crashed' ? '' : ` (${outcome})`;
  return `  p${String(from ?? 0)}${arrow}p${String(actor)}: ${mermaidText(event)}${mark}`;
}
