import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { differences, notPlayed } from './differences.ts';
import { chosen, inherent, type InherentDifference } from './inherent-differences.ts';

/** Where the page is. */
export const differencesFile = join(import.meta.dirname, '../../../docs/otp-differences.md');

const INTRODUCTION = `# Differences from Erlang/OTP

Generated from the tables in \`test/conformance/beam\`, by \`npm run conformance -- --differences\`; do not edit.

\`[SUP-004]\` and the like are ids of rules, which tests carry too.
`;

const COMPARED = `
Random supervision trees with random histories, and random histories of bare processes, behave alike on Erlang/OTP 25 and
here ([how that is checked](../CONTRIBUTING.md#conformance-with-erlangotp)), but for the following.
`;

/** The page of all differences. */
export async function differencesPage(): Promise<string> {
  const played = differences.filter(({ isFault }) => isFault !== true);
  const faults = differences.filter(({ isFault }) => isFault === true);
  const text = [
    INTRODUCTION,
    '## What one thread of JavaScript cannot do\n',
    inherent.map(instead).join('\n'),
    '\n## What we chose to do otherwise\n',
    chosen.map(instead).join('\n'),
    '\n## What comparing with Erlang/OTP 25 shows\n',
    COMPARED,
    '### Met, and written alike before logs are compared\n',
    played.map(entry).join('\n'),
    '',
    '### Known, and so not played\n',
    notPlayed.map(entry).join('\n'),
    '',
    ...(faults.length === 0
      ? []
      : ['### Faults of ours, to be mended\n', faults.map(entry).join('\n')]),
  ].join('\n');
  return format(text, { ...(await resolveConfig(differencesFile)), parser: 'markdown' });
}

function entry(one: (typeof notPlayed)[number]): string {
  return `- [${one.rules.join(', ')}] OTP 25: ${one.otp} Ours: ${one.ours} ${one.why}`;
}

function instead({ rules, otp, ours }: InherentDifference): string {
  return `- [${rules.join(', ')}] OTP: ${otp} Here: ${ours}`;
}
