import type { OsProcess } from './everyone.ts';
import type { Victim } from './victim.ts';

/** Those that were ended or given up before the system was told to stop, though nobody had harmed them. */
export function wronglyEnded({ said, harmed }: Victim): readonly string[] {
  const stopping = said.findIndex(({ event }) => event === 'stopping');
  const wrong = said
    .slice(0, stopping === -1 ? said.length : stopping)
    .filter(({ event }) => event === 'workerSick' || event === 'workerEnded')
    .filter(({ osPid }) => typeof osPid === 'number' && !harmed.has(osPid))
    .map((one) => [one['osPid'], JSON.stringify(one)] as const);
  // First it is called sick, and then it ends: one wrong verdict.
  return [...new Map(wrong.toReversed()).values()];
}

/** Whether a signal ends a process. */
export function isDeadly(signal: NodeJS.Signals): boolean {
  return !['SIGSTOP', 'SIGCONT'].includes(signal);
}

/** A watchdog, and what it runs, live on purpose until it has seen three times that nobody is left. */
export function withoutWatchdog(processes: readonly OsProcess[]): readonly OsProcess[] {
  const groups = new Set(
    processes.flatMap(({ command, groupId }) => (command.includes('watchdog') ? groupId : [])),
  );
  return processes.filter(({ groupId }) => !groups.has(groupId));
}
