const header = ['what', 'ours', 'peer', 'who', 'ours/peer', 'min…max', 'unit', 'rounds', 'goal'];

function toCells({ name, ours, peer, against, ratio, spread, unit, samples, goal }) {
  return [
    name,
    String(ours),
    String(peer),
    against,
    String(ratio),
    spread.ratio.join('…'),
    unit,
    String(samples),
    goal === undefined ? '' : `${goal.text}: ${goal.met ? 'met' : 'NOT met'}`,
  ];
}

/** The rows as a table for people. */
export function toText(rows) {
  const lines = [header, ...rows.map(toCells)];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same for a Markdown page; what is said once is not repeated in each row. */
export function toMarkdown(rows) {
  const columns = [header, header.map(() => '---')];
  let last = '';
  for (const row of rows) {
    const [name, ...rest] = toCells(row);
    columns.push([name === last ? '' : name, ...rest]);
    last = name;
  }
  return columns.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
