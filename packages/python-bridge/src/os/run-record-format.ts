import { createHash } from 'node:crypto';
import type { ProcessIdentity } from './process-identity.ts';

/** What a run directory says of the runtime that owns it (`run.json`). */
export interface RunFile {
  /** Version of the format. */
  readonly version: 1;
  /** Id of the run, lower-case letters and digits. */
  readonly runId: string;
  /** The runtime itself. */
  readonly owner: ProcessIdentity;
  /** Start time of process 1 when the run began: another one means another container. */
  readonly initStartTime: string;
  /** User id of the owner; -1 where there are none. */
  readonly uid: number;
  /** Environment entry that every process of the run carries. */
  readonly marker: string;
}

/** Which worker a record is about. */
export interface WorkerRecordKey {
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** Id of this start of the worker. */
  readonly incarnation: string;
}

/** What a run directory says of one worker: that it is about to be started, or what was started. */
export interface WorkerRecord extends WorkerRecordKey {
  /** Version of the format. */
  readonly version: 1;
  /** The started process, leader of a group of its own; `null` while there is only the intent. */
  readonly process: ProcessIdentity | null;
}

/** Shape of run ids: the id is part of a variable's name. */
const RUN_ID = /^[a-z0-9]{12,64}$/u;

/** Whether a text can be a run id: 12 to 64 lower-case letters and digits. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** Environment entry that marks every process of a run. */
export function runMarker(runId: string): string {
  return `SNAKEPIT_RUN_${runId}=1`;
}

/** Environment entry that names one start of one worker; tell runs apart by {@link runMarker} too. */
export function workerMarker(key: WorkerRecordKey): string {
  return `SNAKEPIT_WORKER=${workerLabel(key)}`;
}

/** `pool/workerId/incarnation`, for people and logs. */
export function workerLabel(key: WorkerRecordKey): string {
  return `${key.pool}/${key.workerId}/${key.incarnation}`;
}

/** File name of a worker's record: of fixed length, whatever the names contain. */
export function workerFileName(key: WorkerRecordKey): string {
  const text = JSON.stringify([key.pool, key.workerId, key.incarnation]);
  return `worker-${createHash('sha256').update(text).digest('hex').slice(0, 32)}.json`;
}

/** Whether a file of a run directory is a worker's record; temporary files are not. */
export function isWorkerFileName(name: string): boolean {
  return /^worker-[0-9a-f]{32}\.json$/u.test(name);
}

/**
 * Parses `run.json`.
 *
 * @param directoryRunId - Run id that the directory's name tells; another one inside is corruption.
 * @returns `undefined` for anything that is not exactly such a file.
 */
export function parseRunFile(text: string, directoryRunId: string): RunFile | undefined {
  const value = parseObject(text);
  if (value?.['version'] !== 1 || value['runId'] !== directoryRunId) return undefined;
  const { initStartTime, uid, marker } = value;
  const owner = parseIdentity(value['owner']);
  if (owner === undefined || typeof initStartTime !== 'string') return undefined;
  if (typeof uid !== 'number' || !Number.isInteger(uid)) return undefined;
  if (!isRunId(directoryRunId) || marker !== runMarker(directoryRunId)) return undefined;
  return { version: 1, runId: directoryRunId, owner, initStartTime, uid, marker };
}

/**
 * Parses a worker's record.
 *
 * @returns `undefined` for anything that is not exactly such a file.
 */
export function parseWorkerRecord(text: string): WorkerRecord | undefined {
  const value = parseObject(text);
  if (value?.['version'] !== 1) return undefined;
  const { pool, workerId, incarnation } = value;
  if (typeof pool !== 'string' || typeof workerId !== 'string') return undefined;
  if (typeof incarnation !== 'string') return undefined;
  const process = value['process'] === null ? null : parseIdentity(value['process']);
  return process === undefined ? undefined : { version: 1, pool, workerId, incarnation, process };
}

/** Name of a run directory that a sweeper has claimed. */
export function claimName(runId: string, claimer: ProcessIdentity): string {
  return `${runId}.claim-${Buffer.from(identityText(claimer), 'utf8').toString('base64url')}`;
}

/** An identity on one line, for names and variables; see {@link parseIdentityText}. */
export function identityText({ bootId, pidNamespace, pid, startTime }: ProcessIdentity): string {
  return JSON.stringify([bootId, pidNamespace, pid, startTime]);
}

/**
 * Parses {@link identityText}.
 *
 * @returns `undefined` for anything else.
 */
export function parseIdentityText(text: string): ProcessIdentity | undefined {
  const fields = parseJson(text);
  if (!Array.isArray(fields)) return undefined;
  const [bootId, pidNamespace, pid, startTime] = fields as readonly unknown[];
  return parseIdentity({ bootId, pidNamespace, pid, startTime });
}

/** What the name of a run directory tells. */
export interface RunDirectoryName {
  /** Id of the run. */
  readonly runId: string;
  /** Who claimed it for sweeping; `undefined` when nobody did. */
  readonly claimer: ProcessIdentity | undefined;
}

/**
 * Parses the name of a run directory, claimed or not.
 *
 * @returns `undefined` for a name that no run directory has.
 */
export function parseRunDirectoryName(name: string): RunDirectoryName | undefined {
  const [runId = '', claim, ...rest] = name.split('.claim-');
  if (!isRunId(runId) || rest.length > 0) return undefined;
  if (claim === undefined) return { runId, claimer: undefined };
  const claimer = parseIdentityText(Buffer.from(claim, 'base64url').toString('utf8'));
  return claimer === undefined ? undefined : { runId, claimer };
}

function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { bootId, pidNamespace, pid, startTime } = value as Readonly<Record<string, unknown>>;
  if (typeof bootId !== 'string' || typeof pidNamespace !== 'string') return undefined;
  if (typeof startTime !== 'string' || startTime === '') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  return { bootId, pidNamespace, pid, startTime };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
