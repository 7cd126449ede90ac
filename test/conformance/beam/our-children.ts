import {
  defineServer,
  exitReason,
  ignore,
  noreply,
  ok,
  reply,
  stop,
  type Behaviour,
  type ExitReason,
  type HandleResult,
  type InitResult,
  type ProcessContext,
  type StartResult,
} from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type ChildSpec,
  type StartFunction,
} from '@snakepit/supervisor';
import type { Journal } from './our-journal.ts';
import { crash, reasonOf } from './reasons.ts';
import type { Node, Outcome, Supervising, Worker } from './scenario.ts';

interface Script {
  readonly journal: Journal;
  readonly node: Worker;
}

/** A child of a tree as a child spec. */
export function specOf(journal: Journal, node: Node): ChildSpec {
  const { id, restart, shutdown, significant } = node;
  const shared = { id, restart, shutdown, significant };
  if (node.kind !== 'worker') {
    const { behaviour, options } = supervising(journal, node);
    return { ...shared, type: 'supervisor', start: [behaviour, options] };
  }
  if (node.by === 'function') return { ...shared, start: startFunction({ journal, node }) };
  const named = node.name === 'none' ? {} : { name: node.name };
  return { ...shared, ...named, start: [logicOf(node), { journal, node }] };
}

/** A supervisor of a tree: its behaviour, which writes down that it begins, and its options. */
export function supervising(
  journal: Journal,
  node: Supervising,
): { readonly behaviour: Behaviour<object>; readonly options: object } {
  const limits = { maxRestarts: node.intensity, maxSeconds: 3_600 };
  if (node.kind === 'dynamic') {
    return { behaviour: noted(journal, node.id, DynamicSupervisor), options: limits };
  }
  const { strategy, auto: autoShutdown } = node;
  const children = node.children.map((child) => specOf(journal, child));
  return {
    behaviour: noted(journal, node.id, Supervisor),
    options: { ...limits, strategy, autoShutdown, children },
  };
}

/** The same behaviour; when a process of it begins to run, that is written down, as an init callback would do. */
function noted(journal: Journal, id: string, behaviour: Behaviour<never>): Behaviour<object> {
  return {
    ...behaviour,
    createInstance: (process, options) => {
      journal.begunSupervisor(id, process.pid);
      return behaviour.createInstance(process, options as never);
    },
  };
}

function startFunction(script: Script): StartFunction {
  const { journal, node } = script;
  return (self) => {
    const outcome = outcomeOf(script);
    switch (typeof outcome === 'string' ? outcome : outcome[0]) {
      case 'startRaise':
        journal.failed(node.id, outcome);
        throw crash;
      case 'startExit':
        journal.failed(node.id, outcome);
        return self.exit(reasonIn(outcome));
      case 'startJunk':
        journal.failed(node.id, outcome);
        return 'junk' as never;
      case 'thenStop':
        return startAndStop(script, self, reasonIn(outcome));
      default:
        return startBy(script, self);
    }
  };
}

function startBy(script: Script, self: ProcessContext): Promise<StartResult> {
  return new Promise((resolve) => {
    self.startLink(logicOf(script.node), script, {}, resolve);
  });
}

/** A start that succeeds with a process that is gone (OTP STR-023). */
async function startAndStop(
  script: Script,
  self: ProcessContext,
  reason: ExitReason,
): Promise<StartResult> {
  const result = await startBy(script, self);
  if (!result.ok || result.pid === undefined) return result;
  const gone = self.system.awaitExit(result.pid);
  self.send(result.pid, { type: 'finish', how: 'stop', reason });
  await gone;
  return result;
}

function outcomeOf({ journal, node }: Script): Outcome {
  return node.starts[journal.peek(node.id) - 1] ?? 'ok';
}

function reasonIn(outcome: Outcome): ExitReason {
  // Only asked of outcomes that carry a reason.
  return reasonOf(outcome[1] as never);
}

type Starting = InitResult<Script> | Promise<InitResult<Script>>;

function begin(script: Script, self: ProcessContext): Starting {
  const { journal, node } = script;
  const outcome = outcomeOf(script);
  switch (typeof outcome === 'string' ? outcome : outcome[0]) {
    case 'killing':
      journal.begun(node.id, self.pid, outcome);
      return kill(journal, outcome[1], self).then(() => ok(script));
    case 'thenStop':
      journal.begun(node.id, self.pid, outcome);
      return ok(script);
    case 'ok':
      journal.begun(node.id, self.pid, outcome);
      return ok(script);
    default:
      journal.failed(node.id, outcome);
  }
  switch (typeof outcome === 'string' ? outcome : outcome[0]) {
    case 'ignore':
      return ignore();
    case 'stop':
      return stop(reasonIn(outcome));
    case 'exit':
      return self.exit(reasonIn(outcome));
    case 'raise':
      throw crash;
    default:
      return 'junk' as never;
  }
}

/**
 * Kills another child, if it lives, and waits until it is gone. One of an earlier life of their supervisor is ending
 * anyhow: they would race.
 */
async function kill(journal: Journal, id: string, self: ProcessContext): Promise<void> {
  const pid = journal.pidOf(id);
  if (pid === undefined || pid === self.pid) return;
  if (journal.system.processInfo(pid)?.parent !== self.parent) return;
  const gone = journal.system.awaitExit(pid);
  self.exit(pid, exitReason.kill);
  await gone;
}

function hear(script: Script, message: unknown, self: ProcessContext): HandleResult<Script, never> {
  const heard = message as {
    readonly type: string;
    readonly how: string;
    readonly reason: ExitReason;
  };
  const { type, how, reason } = heard;
  if (type === 'unlink') self.unlink(self.parent);
  if (type === 'EXIT') {
    script.journal.write(
      `info ${script.journal.nameOf(self.pid)} ${script.journal.textOf(reason)}`,
    );
  }
  if (type !== 'finish') return noreply(script);
  script.journal.finishing.add(self.pid);
  switch (how) {
    case 'stop':
      return stop(reason, script);
    case 'exit':
      return self.exit(reason);
    case 'raise':
      throw crash;
    default:
      return 'junk' as never;
  }
}

async function leave(
  { journal, node }: Script,
  reason: ExitReason,
  self: ProcessContext,
): Promise<void> {
  // Only while its supervisor waits for it: else they would race.
  const isAsked = reason.kind === 'shutdown' && !journal.finishing.has(self.pid);
  if (isAsked && node.lastWill !== 'none') await kill(journal, node.lastWill, self);
  const { temper } = node;
  if (temper === 'hanging') await new Promise<never>(() => undefined);
  if (temper === 'slow') await new Promise((resolve) => setTimeout(resolve, 3));
  if (Array.isArray(temper)) self.exit(reasonOf(temper[1] as never));
}

function logicOf({ temper }: Worker): typeof plain {
  return temper === 'plain' ? plain : trapping;
}

function define(trapExit: boolean) {
  return defineServer({
    name: 'worker',
    trapExit,
    init: begin,
    call: {
      echo: (script) => reply('echo', script),
      wait: (script) => noreply(script),
      leave: (script) => stop(exitReason.normal, script, { reply: 'left' }),
      crash: () => {
        throw crash;
      },
    },
    info: hear,
    terminate: (script: Script, reason, self) => {
      script.journal.terminating(self.pid, reason, script.node.temper);
      return leave(script, reason, self);
    },
  });
}

const plain = define(false);
const trapping = define(true);
