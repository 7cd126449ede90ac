import { createHash } from 'node:crypto';
import type { LifeRecord } from '../protocol.ts';
import { pack, type IncidentContent } from './incident-file.ts';

/** What the page of an incident is made of. */
export interface IncidentShell {
  /** The script that shows what is in the element `incident`; it may not load anything. */
  readonly script: string;
  /** The style. */
  readonly style: string;
}

/**
 * An incident as one page that needs nothing else: what happened as a table, for everybody; the whole of it packed, for
 * the script of the page, and for `readIncident`.
 *
 * @param content - The incident.
 * @param shell - What shows it; without one there is the table only.
 */
export async function incidentPage(
  content: IncidentContent,
  shell?: IncidentShell,
): Promise<string> {
  const style = shell?.style ?? plainStyle;
  const csp = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    ...(shell === undefined ? [] : [`script-src '${hashOf(shell.script)}'`]),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const life = content.lines.flatMap((line) => (line.k === 'life' ? line.list : []));
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="content-security-policy" content="${csp}">`,
    '<link rel="icon" href="data:,">',
    `<title>${escape(content.title)}</title>`,
    `<style>${style}</style></head><body>`,
    `<main id="page"><h1>${escape(content.title)}</h1>`,
    `<p>${new Date(content.wall).toISOString()}</p>`,
    '<table><caption>What happened</caption>',
    '<thead><tr><th>time</th><th>what</th><th>who</th><th>why</th></tr></thead><tbody>',
    ...life.map((record) => rowOf(record)),
    '</tbody></table></main>',
    `<script type="text/plain" id="incident">${await pack(content)}</script>`,
    ...(shell === undefined ? [] : [`<script type="module">${shell.script}</script>`]),
    '</body></html>',
    '',
  ].join('\n');
}

const plainStyle = [
  ':root{color-scheme:light dark;font:15px/1.4 system-ui,sans-serif}',
  'td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top}',
].join('');

function rowOf({ at, what, path, inc, reason = '' }: LifeRecord): string {
  const who = inc > 1 ? `${path} (${String(inc)})` : path;
  const cells = [`${at.toFixed(0)} ms`, what, who, reason];
  return `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${String(sign.charCodeAt(0))};`);
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
