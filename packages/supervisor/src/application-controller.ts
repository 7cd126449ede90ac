import {
  defineServer,
  exitReason,
  formatExitReason,
  noreply,
  ok,
  reply,
  stop,
  type ExitMessage,
  type ExitReason,
  type From,
  type Pid,
  type ProcessContext,
  type StartResult,
} from '@snakepit/core';
import type { Application } from './application-definition.ts';
import { applicationProcess } from './application-process.ts';
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
  readonly application: Application;
  readonly type: ApplicationType;
  readonly pid: Pid;
  readonly callers: From[];
  phase: 'starting' | 'running' | 'stopping';
}

/** All applications that are not stopped, in start order. */
type Table = Map<string, Entry>;

/** What a start is asked with. */
export interface StartRequest {
  /** What to start. */
  readonly application: Application;
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
  init: (): ReturnType<typeof ok<Table>> => ok<Table>(new Map()),
  call: {
    start: (table, request: StartRequest, self, from) => {
      const refusal = refusalOf(table, request);
      if (refusal !== undefined) return reply({ ok: false, error: refusal }, table);
      const { name } = request.application;
      const known = table.get(name);
      // Who asks while it starts waits for the same outcome.
      if (known === undefined) table.set(name, begin(self, request, from));
      else known.callers.push(from);
      return noreply(table);
    },
    stop: (table, name: string, self, from) => {
      const entry = table.get(name);
      if (entry === undefined || entry.phase === 'starting') {
        return reply({ ok: false, error: { kind: 'notStarted', application: name } }, table);
      }
      entry.callers.push(from);
      askToStop(self, entry);
      return noreply(table);
    },
    which: (table) => reply(infosOf(table), table),
  },
  cast: {
    started: (table, { name, result }: { name: string; result: StartResult }, self) => {
      const entry = table.get(name);
      if (entry === undefined) return noreply(table);
      if (result.ok) {
        entry.phase = 'running';
        // In the order in which they came up (APP-010).
        table.delete(name);
        table.set(name, entry);
        answer(self, entry, { ok: true });
      } else {
        table.delete(name);
        answer(self, entry, { ok: false, error: errorOf(name, result.reason) });
      }
      return noreply(table);
    },
  },
  info: async (table, message, self) => {
    const ended = endedIn(table, message);
    if (ended === undefined) return noreply(table);
    const [{ application, type, phase }, reason] = ended;
    table.delete(application.name);
    answer(self, ended[0], { ok: true });
    const isOwnEnd = phase === 'running';
    if (!isOwnEnd || !takesAllAlong(type, reason)) return noreply(table);
    const end = supervisorError('APPLICATION_TERMINATED', {
      application: application.name,
      type,
      reason: formatExitReason(reason),
    });
    self.system.logger.error(end.message);
    await stopAll(table, self);
    // The rest of the system goes too; it waits for this process like for any other.
    void self.system.stop();
    return stop(exitReason.error(end), table);
  },
  terminate: async (table, _, self) => {
    await stopAll(table, self);
  },
});

function refusalOf(
  table: Table,
  { application, type }: StartRequest,
): ApplicationError | undefined {
  if (!types.includes(type)) return { kind: 'invalidRestartType', value: type };
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
  return reason.kind === 'badReturn'
    ? { kind: 'badReturn', application, value: reason.value }
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

/** One after another, in reverse order of start (OTP APP-010). */
async function stopAll(table: Table, self: ProcessContext): Promise<void> {
  for (const entry of [...table.values()].reverse()) {
    if (entry.phase === 'starting') self.exit(entry.pid, exitReason.shutdown);
    else askToStop(self, entry);
    await self.system.awaitExit(entry.pid);
  }
}
