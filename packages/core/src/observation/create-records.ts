import { coreError } from '../errors.ts';
import type { Runtime } from '../process/runtime.ts';
import { describeProcess } from './describe-process.ts';
import { Identities } from './identities.ts';
import { Incidents } from './incidents.ts';
import { LifeRecorder } from './life-recorder.ts';
import type { HandledRecord, RecordsSince } from './message-record.ts';
import { MessageRecorder } from './message-recorder.ts';
import type { Records } from './records.ts';
import type { WatchLimit } from './watch-budget.ts';
import { supervisionOf } from './supervision.ts';

/** Messages that are kept unless told otherwise. */
const defaultSize = 65_536;

/** The most that are kept. */
const mostSize = 1_048_576;

/** Makes the records of one system. @internal */
export function createRecords(runtime: Runtime): Records {
  const recording = new MessageRecording(runtime);
  const identities = new Identities(runtime);
  const incidents: Incidents = new Incidents(runtime, {
    life: {
      since: (seq, limit) => lives.since(seq, limit),
      sinceTime: (fromMs, limit) => lives.sinceTime(fromMs, limit),
    },
    messages: recording,
  });
  const lives = new LifeRecorder(runtime, identities, incidents);
  return {
    recordMessages: ({ size = defaultSize } = {}) => recording.record(checkSize(size)),
    messagesSince: (seq, limit = Infinity) => recording.since(seq, limit),
    watch: (target, listener, limit) => recording.watch(target, listener, checkLimit(limit)),
    recordLife: () => lives.record(),
    lifeSince: (seq) => lives.since(seq),
    addLifeEvents: (events) => lives.add(events),
    get incidents() {
      return incidents.all;
    },
    keepIncident: (title) => incidents.keep(title),
    describeProcess: (pid) => {
      const process = runtime.byPid(pid);
      if (process === undefined) return undefined;
      const restarts = supervisionOf(process) === undefined ? [] : lives.restartsBy(pid);
      return describeProcess(process, { identity: identities.of(process), restarts });
    },
    identityOf: (pid) => {
      const process = runtime.byPid(pid);
      return process === undefined ? identities.known(pid) : identities.of(process);
    },
  };
}

/** Has the runtime record for as long as anybody wants it. */
class MessageRecording {
  readonly #runtime: Runtime;
  readonly #recorder: MessageRecorder;
  #users = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#recorder = new MessageRecorder(runtime);
  }

  record(size: number): () => void {
    this.#runtime.recorder = this.#recorder;
    this.#users += 1;
    this.#recorder.keep(size);
    return once(() => {
      this.#users -= 1;
      if (this.#users === 0) this.#recorder.keep(0);
    });
  }

  watch(...args: Parameters<Records['watch']>): () => void {
    this.#runtime.recorder = this.#recorder;
    return this.#recorder.watch(...args);
  }

  readonly since = (seq: number, limit: number): RecordsSince<HandledRecord> =>
    this.#recorder.since(seq, limit);

  readonly sinceTime = (fromMs: number, limit: number): readonly HandledRecord[] =>
    this.#recorder.sinceTime(fromMs, limit);
}

function once(step: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    step();
  };
}

function checkLimit(limit: WatchLimit | undefined): WatchLimit | undefined {
  const { perSecond } = limit ?? {};
  if (perSecond === undefined || (Number.isInteger(perSecond) && perSecond >= 1)) return limit;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the limit of a watch',
    value: perSecond,
    fault: 'it must be a whole number of records a second, from 1',
    remedy: 'Leave the limit out to be shown each message.',
  });
}

function checkSize(size: number): number {
  if (Number.isInteger(size) && size >= 1 && size <= mostSize) return size;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the size of a recording',
    value: size,
    fault: `it must be a whole number from 1 to ${String(mostSize)}`,
    remedy: 'Leave it out to keep 65,536 messages.',
  });
}
