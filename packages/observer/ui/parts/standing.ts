import type { ProcessRow } from '../live/store.ts';

/** How a process stands: a shape, a word and a tone, of which each alone is enough. */
export interface Standing {
  readonly glyph: string;
  readonly word: string;
  readonly tone: Tone;
}

/** Names a colour; see the style sheet. */
export type Tone = 'running' | 'waiting' | 'failed' | 'finished' | 'stopped';

export const standings = {
  running: { glyph: '●', word: 'running', tone: 'running' },
  busy: { glyph: '◐', word: 'busy', tone: 'running' },
  restarting: { glyph: '↻', word: 'restarting', tone: 'waiting' },
  starting: { glyph: '◌', word: 'starting', tone: 'waiting' },
  stopping: { glyph: '▽', word: 'stopping', tone: 'waiting' },
  draining: { glyph: '▽', word: 'draining', tone: 'waiting' },
  drained: { glyph: '▽', word: 'drained', tone: 'stopped' },
  degraded: { glyph: '▲', word: 'degraded', tone: 'waiting' },
  unavailable: { glyph: '◇', word: 'unavailable', tone: 'failed' },
  suspended: { glyph: '■', word: 'suspended', tone: 'stopped' },
  finished: { glyph: '✓', word: 'finished', tone: 'finished' },
  stopped: { glyph: '■', word: 'stopped', tone: 'stopped' },
  failed: { glyph: '✖', word: 'failed', tone: 'failed' },
  gaveUp: { glyph: '⚠', word: 'gave up', tone: 'failed' },
} as const satisfies Record<string, Standing>;

// What states are called in the machines that this library has, and, by custom, in others.
const WORDS: readonly (readonly [RegExp, Standing])[] = [
  [/gaveup|exceeded/i, standings.gaveUp],
  [/^(failed|failing|crashed|broken)/i, standings.failed],
  [/^unavailable/i, standings.unavailable],
  [/^degraded/i, standings.degraded],
  [/restart|backingoff|recover/i, standings.restarting],
  [/^drained/i, standings.drained],
  [/^draining/i, standings.draining],
  [/drain|stopping|terminating|shuttingdown|killing|leaving/i, standings.stopping],
  [
    /^(starting|spawning|connecting|awaitingready|reserving|deciding|introducing|validating)/i,
    standings.starting,
  ],
  [/^(busy|working|executing)/i, standings.busy],
  [/^(stopped|terminated|ended)/i, standings.stopped],
];
const ORDERLY = /^(shutdown|stopped)/i;

/** Says how a process stands. */
export function standingOf(row: ProcessRow): Standing {
  if (row.ended !== null) return standingAfter(row.ended.reason);
  if (row.status === 'suspended') return standings.suspended;
  if (row.status === 'exiting') return standings.stopping;
  if (row.status === 'starting') {
    return row.restarts > 0 || row.inc > 1 ? standings.restarting : standings.starting;
  }
  const keys = keysOf(row.value);
  for (const [pattern, standing] of WORDS) {
    if (!keys.some((key) => pattern.test(key))) continue;
    return standing === standings.starting && row.inc > 1 ? standings.restarting : standing;
  }
  return row.status === 'busy' ? standings.busy : standings.running;
}

function standingAfter(reason: string | null): Standing {
  if (reason === null) return standings.stopped;
  if (reason.startsWith('normal')) return standings.finished;
  return ORDERLY.test(reason) ? standings.stopped : standings.failed;
}

/** The keys of a state value, outer ones first. */
export function keysOf(value: string | null): string[] {
  const keys: string[] = [];
  const collect = (part: unknown): void => {
    if (typeof part === 'string') keys.push(part);
    else if (typeof part === 'object' && part !== null) {
      for (const [key, inner] of Object.entries(part)) {
        keys.push(key);
        collect(inner);
      }
    }
  };
  collect(parseValue(value));
  return keys;
}

/** A state value as XState has it. */
export function parseValue(value: string | null): unknown {
  if (!value?.startsWith('{')) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** A state value in one line: `ready.idle`, and `ready (a.on, b.off)` where states are side by side. */
export function valueText(value: string | null): string {
  const write = (part: unknown): string => {
    if (typeof part === 'string') return part;
    if (typeof part !== 'object' || part === null) return '';
    const parts = Object.entries(part).map(([key, inner]) => {
      const text = write(inner);
      return text === '' ? key : text.startsWith('(') ? `${key} ${text}` : `${key}.${text}`;
    });
    return parts.length > 1 ? `(${parts.join(', ')})` : (parts[0] ?? '');
  };
  return write(parseValue(value));
}
