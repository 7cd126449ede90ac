import {
  defineServer,
  exitReason,
  formatExitReason,
  isSnakepitError,
  noreply,
  ok,
  reply,
  stop,
  type ExitMessage,
  type ExitReason,
  type From,
  type Pid,
  type ProcessContext,
  type SnakepitError,
  type StartResult,
} from '@snakepit/core';
import type { Application } from './application-definition.ts';
import { applicationProcess } from './application-process.ts';
import { reportStarted, reportStopped } from './application-reports.ts';
import type { ApplicationType } from './application.machine.ts';
import { supervisorError } from './errors.ts';

/** The name under which the controller of a system is registered. */
export const controllerName = 'snakepit.applications';

/** Why an application was not started or stopped (OTP APP-002, APP-004, APP-006, APP-007). */
export type ApplicationError =
  | { readonly kind: 'invalidRestartType'; readonly value: unknown }
  | { readonly kind: 'alreadyStarted'; readonly application: string }
  | { readonly kind: 'notStarted'; readonly application: string }
  | { readonly kind: 'startFailed'; readonly application: string; readonly reason: ExitReason }
  | { readonly kind: 'badReturn'; readonly application: string; readonly value: unknown };

/** Carried out, or why not. */
export type ApplicationResult =
  { readonly ok: true } | { readonly ok: false; readonly error: ApplicationError };

/** One application that runs. */
export interface ApplicationInfo {
  /** Its name. */
  readonly name: string;
  /** One line for people; may be empty. */
  readonly description: string;
  /** What is done when it ends by itself. */
  readonly type: ApplicationType;
  /** Its process; the top supervisor is its child. */
  readonly pid: Pid;
}

interface Entry {
  readonly application: Application<never>;
  readonly type: ApplicationType;
  readonly pid: Pid;
  readonly callers: From[];
  phase: 'starting' | 'running' | 'stopping';
}

interface State {
  /** All applications that are not stopped, in start order. */
  readonly table: Map<string, Entry>;
  /** Why all of them are stopped, once that is so. */
  readonly end: SnakepitError | undefined;
}

type Table = State['table'];

/** What a start is asked with. */
export interface StartRequest {
  /** What to start. */
  readonly application: Application<never>;
  /** For its `start`. */
  readonly args: unknown;
  /** What is done when it ends by itself. */
  readonly type: unknown;
}

const types: readonly unknown[] = [
  'temporary',
  'transient',
  'permanent',
] satisfies ApplicationType[];

/** Knows the applications of one system; each runs in a process of its own, linked to it. */
export const applicationController = defineServer({
  name: 'applicationController',
  trapExit: true,
  init: (): ReturnType<typeof ok<State>> => ok<State>({ table: new Map(), end: undefined }),
  call: {
    start: (state, request: StartRequest, self, from) => {
      const refusal = refusalOf(state, request);
      if (refusal !== undefined) return reply({ ok: false, error: refusal }, state);
      const { table } = state;
      const { name } = request.application;
      const known = table.get(name);
      // Who asks while it starts waits for the same outcome.
      if (known === undefined) table.set(name, begin(self, request, from));
      else known.callers.push(from);
      return noreply(state);
    },
    stop: (state, name: string, self, from) => {
      const entry = state.table.get(name);
      if (entry === undefined || entry.phase === 'starting') {
        return reply({ ok: false, error: { kind: 'notStarted', application: name } }, state);
      }
      entry.callers.push(from);
      askToStop(self, entry);
      return noreply(state);
    },
    which: (state) => reply(infosOf(state.table), state),
  },
  cast: {
    started: (state, { name, result }: { name: string; result: StartResult }, self) => {
      const { table } = state;
      const entry = table.get(name);
      if (entry === undefined) return noreply(state);
      table.delete(name);
      if (!result.ok) {
        answer(self, entry, { ok: false, error: errorOf(name, result.reason) });
        return goOn(state, self);
      }
      // In the order in which they came up (APP-010).
      table.set(name, entry);
      if (entry.phase === 'starting') entry.phase = 'running';
      reportStarted(self.system, entry);
      answer(self, entry, { ok: true });
      return noreply(state);
    },
  },
  info: (state, message, self) => {
    const ended = endedIn(state.table, message);
    if (ended === undefined) return noreply(state);
    const [entry, reason] = ended;
    const { application, type, phase } = entry;
    state.table.delete(application.name);
    const byItself = phase === 'running';
    reportStopped(self.system, entry, { reason, byItself });
    answer(self, entry, { ok: true });
    if (!byItself || state.end !== undefined || !takesAllAlong(type, reason)) {
      return goOn(state, self);
    }
    const end = supervisorError('APPLICATION_TERMINATED', {
      application: application.name,
      type,
      reason: formatExitReason(reason),
    });
    self.system.logger.error(end.message);
    return goOn({ ...state, end }, self);
  },
  terminate: async ({ table }, _, self) => {
    for (const entry of [...table.values()].reverse()) {
      const wasUp = entry.phase !== 'starting';
      endIt(self, entry);
      const reason = await self.system.awaitExit(entry.pid);
      if (wasUp) reportStopped(self.system, entry, { reason, byItself: false });
    }
  },
});

/**
 * When all are to be stopped: the next one, in reverse order of start, or its own end when none is left (APP-010).
 *
 * Its mailbox stays open meanwhile: a callback of an application that asks it something must not wait for its own end.
 */
function goOn(
  state: State,
  self: ProcessContext,
): ReturnType<typeof noreply<State>> | ReturnType<typeof stop<State>> {
  if (state.end === undefined) return noreply(state);
  const newest = [...state.table.values()].at(-1);
  if (newest === undefined) return stop(exitReason.error(state.end), state);
  endIt(self, newest);
  return noreply(state);
}

/** Ends an application that runs, or gives up its start. */
function endIt(self: ProcessContext, entry: Entry): void {
  if (entry.phase !== 'starting') {
    askToStop(self, entry);
    return;
  }
  entry.phase = 'stopping';
  self.exit(entry.pid, exitReason.shutdown);
}

function refusalOf(
  { table, end }: State,
  { application, type }: StartRequest,
): ApplicationError | undefined {
  if (!types.includes(type)) return { kind: 'invalidRestartType', value: type };
  if (end !== undefined) {
    const reason = exitReason.error(end);
    return { kind: 'startFailed', application: application.name, reason };
  }
  const phase = table.get(application.name)?.phase;
  if (phase === 'starting') return undefined;
  if (phase !== undefined) return { kind: 'alreadyStarted', application: application.name };
  const missing = application.dependencies.find(({ name }) => table.get(name)?.phase !== 'running');
  return missing && { kind: 'notStarted', application: missing.name };
}

function begin(self: ProcessContext, request: StartRequest, from: From): Entry {
  const { application, args } = request;
  // Checked by refusalOf.
  const type = request.type as ApplicationType;
  const input = { application, args, type, parent: self.pid.id };
  const pid = self.startLink(applicationProcess, input, {}, (result) => {
    self.cast(self.pid, { type: 'started', arg: { name: application.name, result } });
  });
  return { application, type, pid, callers: [from], phase: 'starting' };
}

function errorOf(application: string, reason: ExitReason): ApplicationError {
  const error = reason.kind === 'error' ? reason.error : undefined;
  // By its name, for the top supervisor of one may start another.
  return isSnakepitError(error) &&
    error.code === 'BAD_APPLICATION_START' &&
    error.details['application'] === application
    ? { kind: 'badReturn', application, value: error.details['value'] }
    : { kind: 'startFailed', application, reason };
}

function answer(self: ProcessContext, { callers }: Entry, result: ApplicationResult): void {
  for (const from of callers.splice(0)) self.reply(from, result);
}

function askToStop(self: ProcessContext, entry: Entry): void {
  if (entry.phase === 'stopping') return;
  entry.phase = 'stopping';
  self.send(entry.pid, { type: 'application.stop' });
}

/** Newest first, as OTP tells them. */
function infosOf(table: Table): readonly ApplicationInfo[] {
  return [...table.values()]
    .filter(({ phase }) => phase === 'running')
    .map(({ application: { name, description }, type, pid }) => ({ name, description, type, pid }))
    .reverse();
}

function endedIn(table: Table, message: unknown): readonly [Entry, ExitReason] | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  if (message.type !== 'EXIT') return undefined;
  const { from, reason } = message as ExitMessage;
  const entry = [...table.values()].find(({ pid }) => pid === from);
  return entry && [entry, reason];
}

/** Whether the end of an application by itself ends all (OTP APP-008). */
function takesAllAlong(type: ApplicationType, reason: ExitReason): boolean {
  return type === 'permanent' || (type === 'transient' && reason.kind !== 'normal');
}
