import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { differences, notPlayed } from './differences.ts';

/** Where the page is. */
export const differencesFile = join(import.meta.dirname, '../../../docs/otp-differences.md');

const INTRODUCTION = `# Differences from Erlang/OTP

Generated from the table that the conformance run uses, by \`npm run conformance -- --differences\`; do not edit.

Random supervision trees with random histories behave alike on Erlang/OTP 25 and on our supervisors
([how that is checked](../CONTRIBUTING.md#conformance-with-erlangotp)), but for the following. \`[SUP-004]\` and the like
are ids of rules, which tests carry too.
`;

/** The page of all differences. */
export async function differencesPage(): Promise<string> {
  const played = differences.filter(({ isFault }) => isFault !== true);
  const faults = differences.filter(({ isFault }) => isFault === true);
  const text = [
    INTRODUCTION,
    '## Met, and written alike before logs are compared\n',
    played.map(entry).join('\n'),
    '',
    '## Known, and so not played\n',
    notPlayed.map(entry).join('\n'),
    '',
    ...(faults.length === 0
      ? []
      : ['## Faults of ours, to be mended\n', faults.map(entry).join('\n')]),
  ].join('\n');
  return format(text, { ...(await resolveConfig(differencesFile)), parser: 'markdown' });
}

function entry(one: (typeof notPlayed)[number]): string {
  return `- [${one.rules.join(', ')}] OTP 25: ${one.otp} Ours: ${one.ours} ${one.why}`;
}
