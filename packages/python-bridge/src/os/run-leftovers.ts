import { isOwnedByUs, readMarks } from './process-group.ts';
import {
  isDeadState,
  readProcessStat,
  type ProcessIdentity,
  type ProcessStat,
} from './process-identity.ts';
import type { ProcessScanner } from './process-scanner.ts';
import { signalProcess, sleep, type SignalResult, type WaitingClock } from './process-killer.ts';
import { workerLabel, type RunFile, type WorkerRecord } from './run-record-format.ts';

/** One process of a dead run: why it was ours, and how it ended. */
export interface SweptProcess {
  /** Id of the dead run. */
  readonly runId: string;
  /** Number of the process. */
  readonly pid: number;
  /** Its start time, as in {@link ProcessIdentity.startTime}. */
  readonly startTime: string;
  /** `pool/workerId/incarnation` where a record tells; processes found by marker have none. */
  readonly worker: string | undefined;
  /** Recorded identity, marker in its environment, or member of a group of which another one was. */
  readonly why: 'record' | 'marker' | 'group';
  /** What ended it; `survived` when it still lives, `notPermitted` when we may not, or must not, signal it. */
  readonly how: 'term' | 'kill' | 'survived' | 'notPermitted';
  /** State letter at the last sight; `D` is uninterruptible sleep. */
  readonly state: string;
  /** From the first sight to the end, in milliseconds. */
  readonly durationMs: number;
}

/** Whether a process could not be ended. */
export function isLeft({ how }: SweptProcess): boolean {
  return how === 'survived' || how === 'notPermitted';
}

/** Whose processes are looked for. */
export interface LeftoverSearch {
  /** The dead run. */
  readonly run: RunFile;
  /** Its workers. */
  readonly records: readonly WorkerRecord[];
  /** Never touched: we, our ancestors, and what belongs to live runs. */
  readonly isSpared: (stat: ProcessStat) => boolean;
  /** Finds marked processes, and who is in a group. */
  readonly scanner: ProcessScanner;
}

/** How long {@link endLeftovers} waits. */
export interface LeftoverLimits {
  /** Between TERM and KILL, in milliseconds. */
  readonly termTimeoutMs: number;
  /** For everything together, in milliseconds. */
  readonly totalTimeoutMs: number;
  /** Time. */
  readonly clock: WaitingClock;
  /** Aborted, nothing more is signalled. */
  readonly signal: AbortSignal;
}

interface Candidate {
  readonly stat: ProcessStat;
  /** Ours by identity or group, and of another user: it is named, and never signalled. */
  readonly isForeign: boolean;
  readonly why: SweptProcess['why'];
  readonly worker: string | undefined;
}

interface Sighting {
  /** As it was seen last. */
  candidate: Candidate;
  readonly firstSeenMs: number;
  lastSignal: 'none' | 'term' | 'kill';
  lastResult: SignalResult | undefined;
  endedMs: number | undefined;
}

/** How often in a row nothing may be found before a run counts as gone: forks may be in flight. */
const CLEAN_LOOKS = 3;

/** What {@link endLeftovers} found, and made of it. */
export interface Leftovers {
  /** Every process that was found alive. */
  readonly processes: readonly SweptProcess[];
  /** Whether nobody but those who are named as left can live; not when nothing could be seen. */
  readonly isConfirmed: boolean;
}

/**
 * Ends every process of a dead run: TERM + CONT, after {@link LeftoverLimits.termTimeoutMs} KILL,
 * until nothing is found three times in a row or the time is over. Each process is signalled alone,
 * its identity compared right before. Whoever must not or cannot be signalled is not waited for.
 * Never rejects.
 */
export async function endLeftovers(
  search: LeftoverSearch,
  limits: LeftoverLimits,
): Promise<Leftovers> {
  const { clock } = limits;
  const startMs = clock.now();
  const sightings = new Map<string, Sighting>();
  let cleanLooks = 0;
  for (let delayMs = 1; ; delayMs = Math.min(100, delayMs * 2)) {
    const seen = [...sightings.values()].map(({ candidate }) => candidate);
    const found = await findLeftovers(search, seen);
    if (found !== undefined) updateSightings(sightings, found, clock.now());
    if (limits.signal.aborted) break;
    const elapsedMs = clock.now() - startMs;
    const signal = elapsedMs < limits.termTimeoutMs ? 'term' : 'kill';
    for (const sighting of sightings.values()) signalSighting(sighting, signal, search.run.owner);
    const isClean = found !== undefined && ![...sightings.values()].some(isWorthWaitingFor);
    cleanLooks = isClean ? cleanLooks + 1 : 0;
    if (cleanLooks === CLEAN_LOOKS || elapsedMs >= limits.totalTimeoutMs) break;
    await sleep(clock, delayMs);
  }
  const endMs = clock.now();
  return {
    processes: [...sightings.values()].map((one) => toReport(one, search.run.runId, endMs)),
    isConfirmed: cleanLooks === CLEAN_LOOKS,
  };
}

/**
 * Live processes that provably belong to the dead run; `undefined` when nothing could be seen.
 *
 * @param known - What earlier looks found: whoever of them lives is still ours, and still speaks for
 *   its group after the leader is gone.
 */
async function findLeftovers(
  search: LeftoverSearch,
  known: readonly Candidate[],
): Promise<readonly Candidate[] | undefined> {
  const { run, records, isSpared, scanner } = search;
  const marked = await scanner.find([run.marker]);
  const leaders = records.flatMap((record) => record.process?.pid ?? []);
  const members = leaders.length === 0 ? [] : await scanner.membersOf(leaders);
  if (marked === undefined || members === undefined) return undefined;
  // From here on in one turn: whoever speaks for a group lived before its members were listed, and lives now.
  const found = new Map<number, Candidate>();
  const add = (candidate: Candidate): void => {
    const { stat } = candidate;
    if (!found.has(stat.pid) && !isSpared(stat)) found.set(stat.pid, candidate);
  };
  for (const candidate of known) {
    const stat = sameAlive(candidate.stat);
    if (stat !== undefined) add({ ...candidate, stat });
  }
  const certain = [
    ...marked.flatMap((stat) => sameAlive(stat) ?? []),
    ...[...found.values()].map(({ stat }) => stat),
  ];
  const ourGroups = new Map<number, string>();
  for (const { leader, groupId, worker } of recordedLeaders(search)) {
    const speaks = leader !== undefined || certain.some((stat) => stat.groupId === groupId);
    if (speaks) ourGroups.set(groupId, worker);
    if (leader !== undefined) add(candidateOf(leader, 'record', worker));
  }
  for (const stat of marked) {
    add({ stat, isForeign: false, why: 'marker', worker: ourGroups.get(stat.groupId) });
  }
  for (const stat of members) {
    const worker = ourGroups.get(stat.groupId);
    if (worker !== undefined) add(candidateOf(stat, 'group', worker));
  }
  return [...found.values()].filter(({ stat }) => !isDeadState(stat.state));
}

/** The same process as it is now, unless it is dead. */
function sameAlive({ pid, startTime }: ProcessStat): ProcessStat | undefined {
  const stat = readProcessStat(pid);
  return stat?.startTime === startTime && !isDeadState(stat.state) ? stat : undefined;
}

interface RecordedLeader {
  /** What has its number and its start time now, alive or a zombie; `undefined` when it is gone. */
  readonly leader: ProcessStat | undefined;
  readonly groupId: number;
  readonly worker: string;
}

function recordedLeaders({ run, records, isSpared }: LeftoverSearch): readonly RecordedLeader[] {
  return records.flatMap((record) => {
    if (record.process === null) return [];
    const { pid, startTime, bootId, pidNamespace } = record.process;
    const isHere = bootId === run.owner.bootId && pidNamespace === run.owner.pidNamespace;
    const stat = readProcessStat(pid);
    // A group that a live runtime leads is not the dead one's, nor is that of process 1.
    if (!isHere || pid <= 1 || (stat !== undefined && isSpared(stat))) return [];
    const leader = stat?.startTime === startTime ? stat : undefined;
    return { leader, groupId: pid, worker: workerLabel(record) };
  });
}

function candidateOf(stat: ProcessStat, why: 'record' | 'group', worker: string): Candidate {
  return { stat, isForeign: !isOwnedByUs(stat.pid), why, worker };
}

/**
 * Makes the judge of what a sweep never touches: we, our ancestors, live runs.
 *
 * @param live - Live runs: their owners, and whatever carries their markers. A live runtime nested
 *   in a dead one carries the dead one's marker too.
 */
export function createSparing(live: readonly RunFile[]): (stat: ProcessStat) => boolean {
  const spared = new Set([process.pid, ...ancestorsOf(process.pid)]);
  for (const run of live) spared.add(run.owner.pid);
  const markers = live.map((run) => Buffer.from(run.marker, 'utf8'));
  return (stat) => {
    if (stat.pid <= 1 || spared.has(stat.pid)) return true;
    if (markers.length === 0) return false;
    const marks = readMarks(stat.pid);
    return marks !== undefined && markers.some((marker) => marks.has(marker));
  };
}

function ancestorsOf(pid: number): readonly number[] {
  const ancestors: number[] = [];
  let parent = readProcessStat(pid)?.parentPid ?? 0;
  while (parent > 0 && !ancestors.includes(parent)) {
    ancestors.push(parent);
    parent = readProcessStat(parent)?.parentPid ?? 0;
  }
  return ancestors;
}

function updateSightings(
  sightings: Map<string, Sighting>,
  found: readonly Candidate[],
  nowMs: number,
): void {
  const present = new Set<string>();
  for (const candidate of found) {
    const key = `${candidate.stat.pid} ${candidate.stat.startTime}`;
    present.add(key);
    const known = sightings.get(key);
    if (known !== undefined) {
      known.candidate = candidate;
      known.endedMs = undefined;
      continue;
    }
    sightings.set(key, {
      candidate,
      firstSeenMs: nowMs,
      lastSignal: 'none',
      lastResult: undefined,
      endedMs: undefined,
    });
  }
  for (const [key, sighting] of sightings) {
    if (!present.has(key)) sighting.endedMs ??= nowMs;
  }
}

function isWorthWaitingFor({ endedMs, candidate, lastResult }: Sighting): boolean {
  return endedMs === undefined && !candidate.isForeign && lastResult !== 'notPermitted';
}

function signalSighting(sighting: Sighting, signal: 'term' | 'kill', owner: ProcessIdentity): void {
  if (sighting.endedMs !== undefined || sighting.candidate.isForeign) return;
  if (signal === 'term' && sighting.lastSignal !== 'none') return;
  const { pid, startTime } = sighting.candidate.stat;
  // Same boot and namespace as the owner of the run: other runs are not judged at all.
  const identity = { ...owner, pid, startTime };
  sighting.lastResult = signalProcess(identity, signal === 'term' ? 'SIGTERM' : 'SIGKILL');
  sighting.lastSignal = signal;
}

function toReport(sighting: Sighting, runId: string, endMs: number): SweptProcess {
  const { candidate, endedMs, lastSignal, lastResult } = sighting;
  const { stat, why, worker, isForeign } = candidate;
  const ended = lastSignal === 'kill' ? 'kill' : 'term';
  const alive = isForeign || lastResult === 'notPermitted' ? 'notPermitted' : 'survived';
  return {
    runId,
    pid: stat.pid,
    startTime: stat.startTime,
    worker,
    why,
    how: endedMs === undefined ? alive : ended,
    state: stat.state,
    durationMs: (endedMs ?? endMs) - sighting.firstSeenMs,
  };
}
