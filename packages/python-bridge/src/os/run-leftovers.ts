import type { MarkerScanner } from './marker-scan.ts';
import { hasEntry, isOwnedByUs, listProcesses, readEnvironment } from './process-group.ts';
import {
  isDeadState,
  readProcessStat,
  type ProcessIdentity,
  type ProcessStat,
} from './process-identity.ts';
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
  /** What ended it; `survived` when it still lives, `notPermitted` when we may not signal it. */
  readonly how: 'term' | 'kill' | 'survived' | 'notPermitted';
  /** From the first sight to the end, in milliseconds. */
  readonly durationMs: number;
}

/** Whose processes are looked for. */
export interface LeftoverSearch {
  /** The dead run. */
  readonly run: RunFile;
  /** Its workers. */
  readonly records: readonly WorkerRecord[];
  /** Never touched: we, our ancestors, and what belongs to live runs. */
  readonly isSpared: (stat: ProcessStat) => boolean;
  /** Finds marked processes. */
  readonly scanner: MarkerScanner;
}

/** How long {@link endLeftovers} waits. */
export interface LeftoverLimits {
  /** Between TERM and KILL, in milliseconds. */
  readonly termTimeoutMs: number;
  /** For everything together, in milliseconds. */
  readonly totalTimeoutMs: number;
  /** Time. */
  readonly clock: WaitingClock;
}

interface Candidate {
  readonly stat: ProcessStat;
  readonly why: SweptProcess['why'];
  readonly worker: string | undefined;
}

interface Sighting extends Candidate {
  readonly firstSeenMs: number;
  lastSignal: 'none' | 'term' | 'kill';
  lastResult: SignalResult | undefined;
  endedMs: number | undefined;
}

/** How often in a row nothing may be found before a run counts as gone: forks may be in flight. */
const CLEAN_LOOKS = 3;

/**
 * Ends every process of a dead run: TERM + CONT, after {@link LeftoverLimits.termTimeoutMs} KILL,
 * until nothing is found three times in a row or the time is over. Each process is signalled alone,
 * its identity compared right before. Never rejects.
 */
export async function endLeftovers(
  search: LeftoverSearch,
  limits: LeftoverLimits,
): Promise<readonly SweptProcess[]> {
  const { clock } = limits;
  const startMs = clock.now();
  const sightings = new Map<string, Sighting>();
  let cleanLooks = 0;
  for (let delayMs = 1; ; delayMs = Math.min(100, delayMs * 2)) {
    const found = await findLeftovers(search, [...sightings.values()]);
    const nowMs = clock.now();
    const signal = nowMs - startMs < limits.termTimeoutMs ? 'term' : 'kill';
    updateSightings(sightings, found, nowMs);
    for (const sighting of sightings.values()) signalSighting(sighting, signal, search.run.owner);
    cleanLooks = found.length === 0 ? cleanLooks + 1 : 0;
    if (cleanLooks === CLEAN_LOOKS || nowMs - startMs >= limits.totalTimeoutMs) break;
    await sleep(clock, delayMs);
  }
  const endMs = clock.now();
  return [...sightings.values()].map((sighting) => toReport(sighting, search.run.runId, endMs));
}

/**
 * Live processes that provably belong to the dead run.
 *
 * @param known - What earlier looks found: whoever of them lives is still ours, and still speaks for
 *   its group after the leader is gone.
 */
async function findLeftovers(
  search: LeftoverSearch,
  known: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const marked = await search.scanner.find([search.run.marker]);
  const found = new Map<number, Candidate>();
  const add = (candidate: Candidate): void => {
    const { stat } = candidate;
    if (!found.has(stat.pid) && !search.isSpared(stat)) found.set(stat.pid, candidate);
  };
  for (const candidate of known) {
    const stat = readProcessStat(candidate.stat.pid);
    if (stat?.startTime === candidate.stat.startTime && !isDeadState(stat.state)) {
      add({ ...candidate, stat });
    }
  }
  const certain = [...marked, ...[...found.values()].map(({ stat }) => stat)];
  const ourGroups = new Map<number, string>();
  for (const record of search.records) {
    if (record.process === null) continue;
    const { pid, startTime } = record.process;
    const worker = workerLabel(record);
    const leader = readProcessStat(pid);
    const isLeader = leader?.startTime === startTime;
    if (isLeader || certain.some((stat) => stat.groupId === pid)) ourGroups.set(pid, worker);
    if (leader !== undefined && isLeader && isOurs(leader)) {
      add({ stat: leader, why: 'record', worker });
    }
  }
  for (const stat of marked) {
    add({ stat, why: 'marker', worker: ourGroups.get(stat.groupId) });
  }
  if (ourGroups.size === 0) return [...found.values()];
  for (const stat of listProcesses()) {
    const worker = ourGroups.get(stat.groupId);
    if (worker !== undefined && isOurs(stat)) add({ stat, why: 'group', worker });
  }
  return [...found.values()];
}

/**
 * Makes the judge of what a sweep never touches.
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
    const environ = readEnvironment(stat.pid);
    return environ !== undefined && markers.some((marker) => hasEntry(environ, marker));
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

function isOurs(stat: ProcessStat): boolean {
  return !isDeadState(stat.state) && isOwnedByUs(stat.pid);
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
      known.endedMs = undefined;
      continue;
    }
    sightings.set(key, {
      ...candidate,
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

function signalSighting(sighting: Sighting, signal: 'term' | 'kill', owner: ProcessIdentity): void {
  if (sighting.endedMs !== undefined) return;
  if (signal === 'term' && sighting.lastSignal !== 'none') return;
  const { pid, startTime } = sighting.stat;
  // Same boot and namespace as the owner of the run: other runs are not judged at all.
  const identity = { ...owner, pid, startTime };
  sighting.lastResult = signalProcess(identity, signal === 'term' ? 'SIGTERM' : 'SIGKILL');
  sighting.lastSignal = signal;
}

function toReport(sighting: Sighting, runId: string, endMs: number): SweptProcess {
  const { stat, why, worker, endedMs, lastSignal, lastResult } = sighting;
  const ended = lastSignal === 'kill' ? 'kill' : 'term';
  const alive = lastResult === 'notPermitted' ? 'notPermitted' : 'survived';
  return {
    runId,
    pid: stat.pid,
    startTime: stat.startTime,
    worker,
    why,
    how: endedMs === undefined ? alive : ended,
    durationMs: (endedMs ?? endMs) - sighting.firstSeenMs,
  };
}
