import type { OsProcess } from './everyone.ts';
import type { Said, Victim, WorkerLine } from './victim.ts';

/** How it is said that a process is sick, or has ended. */
const VERDICTS: readonly string[] = ['workerSick', 'workerEnded', 'serverSick', 'serverEnded'];

/** What of an attacked system its verdicts are judged by. */
export type Verdicts = Pick<Victim, 'said' | 'harmed' | 'attackedAtMs'>;

/** Those that were ended or given up before the system was told to stop, though nobody had harmed them. */
export function wronglyEnded({ said, harmed, attackedAtMs }: Verdicts): readonly string[] {
  // Who dies a moment before a runtime is still told of by it.
  const end = said.findIndex(({ event, atMs }) => event === 'stopping' || atMs >= attackedAtMs);
  const before = said.slice(0, end === -1 ? said.length : end);
  // Also when it is told after that: its workers may be told first.
  const lost = said.findLastIndex(
    ({ event, osPid }) => isOfServer(event) && harmed.has(Number(osPid)),
  );
  // Its last worker may be told to serve when the server is known to be dead, but not after the next one serves.
  const next = said.findIndex(({ event }, index) => index > lost && event === 'serverStarted');
  const taken = new Set(startedBefore(said, lost === -1 || next === -1 ? lost : next));
  const wrong = before
    .filter(({ event, osPid }) => VERDICTS.includes(event) && typeof osPid === 'number')
    .filter(({ osPid }) => !harmed.has(Number(osPid)) && !taken.has(Number(osPid)))
    // One that never served was being started when its server was lost.
    .filter((one) => lost === -1 || isOfServer(one.event) || hasServed(said, one))
    .map((one) => [one['osPid'], JSON.stringify(one)] as const);
  // First it is called sick, and then it ends: one wrong verdict.
  return [...new Map(wrong.toReversed()).values()];
}

function isOfServer(event: string): boolean {
  return event.startsWith('server');
}

/** Workers of fork servers that were harmed: they end with one that dies, and are replaced after one that hangs. */
function startedBefore(said: readonly Said[], index: number): readonly number[] {
  return said.slice(0, Math.max(0, index)).flatMap(({ event, osPid, workers }) => {
    if (event === 'workerStarted') return [Number(osPid)];
    if (event !== 'started') return [];
    return (workers as readonly WorkerLine[]).flatMap((worker) => worker.osPid ?? []);
  });
}

function hasServed(said: readonly Said[], { osPid }: Said): boolean {
  return startedBefore(said, said.length).includes(Number(osPid));
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
