import { ExitError, type Pid, type StartResult } from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type ChildInfo,
  type ChildSpec,
  type Done,
  type Refused,
  type RestartChildError,
  type StartChildError,
  type StartDynamicChildError,
  type Started,
  type SupervisorRef,
} from '@snakepit/supervisor';
import { erlangWord } from './erlang-term.ts';
import { specOf } from './our-children.ts';
import { snakeCase, textOfId, type Journal } from './our-journal.ts';
import type { NamingCall, SimpleStep, Supervising } from './scenario.ts';

type Call = Extract<SimpleStep, { do: 'call' }>;
type AnyRefusal = StartDynamicChildError | StartChildError | RestartChildError;

/** Brings what a call under way came to, as text. */
export type Answer = () => Promise<string>;

/** A supervisor held in the start of a child that will decline. */
interface Gate {
  /** Settled once it is held. */
  readonly held: Promise<void>;
  /** What the start brings in the end. */
  readonly answer: Answer;
  /** Lets it go on. */
  open(): void;
}

/** The calls of a scenario on our supervisors, with their answers as the BEAM's driver writes them. */
export interface Calls {
  /** Makes one call. */
  ask(pid: Pid, call: Call): Answer;
  /** Holds a supervisor. */
  hold(pid: Pid, on: Pick<Supervising, 'id' | 'kind'>): Gate;
}

/** Makes the calls that belong to a journal. */
export function answersOf(journal: Journal): Calls {
  return {
    ask(pid, call) {
      const tree = Supervisor.at(journal.system, pid);
      const answer = answerOr(journal, () => ask(journal, tree, call));
      const isMarked = call.kind === 'dynamic' && call.call === 'terminate_child';
      const target = isMarked ? journal.pidOf(call.id) : undefined;
      return async () => {
        // Which answer it gets differs where the target is dead, see differences.ts. Looked at when all is quiet.
        const isDead = target !== undefined && !journal.system.isAlive(target);
        return `${nameOf(call)}${isDead ? ' (dead)' : ''}: ${await answer}`;
      };
    },
    hold: (pid, on) => hold(journal, pid, on),
  };
}

function hold(journal: Journal, pid: Pid, { id, kind }: Pick<Supervising, 'id' | 'kind'>): Gate {
  const tree = Supervisor.at(journal.system, pid);
  let open: () => void = () => undefined;
  let isHeld: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    isHeld = resolve;
  });
  const declined = new Promise<StartResult>((resolve) => {
    open = () => {
      resolve({ ok: true, pid: undefined });
    };
  });
  const spec: ChildSpec = {
    id: 'gate',
    restart: 'temporary',
    start: () => {
      isHeld();
      return declined;
    },
  };
  const answer = answerOr(journal, () => start(journal, tree, kind, spec));
  return { held, open, answer: async () => `${id} hold: ${await answer}` };
}

async function answerOr(journal: Journal, ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return `exit ${journal.textOf(error.reason)}`;
  }
}

function nameOf(call: Call): string {
  const about = call.call === 'start_child' ? [call.child.id] : 'id' in call ? [call.id] : [];
  return [call.on, call.call, ...about].join(' ');
}

async function ask(journal: Journal, tree: SupervisorRef, call: Call): Promise<string> {
  const isDynamic = call.kind === 'dynamic';
  switch (call.call) {
    case 'which_children': {
      const list = await Supervisor.whichChildren(tree);
      return `[${list.map((child) => ` ${shown(journal, child)};`).join('')} ]`;
    }
    case 'count_children': {
      const { specs, active, supervisors, workers } = await Supervisor.countChildren(tree);
      return `specs ${specs} active ${active} supervisors ${supervisors} workers ${workers}`;
    }
    case 'start_child':
      return start(journal, tree, call.kind, specOf(journal, call.child));
    default:
      if (isDynamic) return terminateMember(journal, tree, call.id);
      return askAbout(journal, tree, call.call, call.id);
  }
}

async function start(
  journal: Journal,
  tree: SupervisorRef,
  kind: Supervising['kind'],
  spec: ChildSpec,
): Promise<string> {
  const started =
    kind === 'dynamic'
      ? await DynamicSupervisor.startChild(tree, spec)
      : await Supervisor.startChild(tree, spec);
  return startedText(journal, started);
}

async function terminateMember(journal: Journal, tree: SupervisorRef, id: string): Promise<string> {
  const pid = journal.pidOf(id);
  if (pid === undefined) return 'nobody';
  return doneText(journal, await DynamicSupervisor.terminateChild(tree, pid));
}

async function askAbout(
  journal: Journal,
  tree: SupervisorRef,
  call: NamingCall,
  id: string,
): Promise<string> {
  switch (call) {
    case 'terminate_child':
      return doneText(journal, await Supervisor.terminateChild(tree, id));
    case 'delete_child':
      return doneText(journal, await Supervisor.deleteChild(tree, id));
    case 'restart_child':
      return startedText(journal, await Supervisor.restartChild(tree, id));
    case 'get_childspec': {
      const found = await Supervisor.getChildSpec(tree, id);
      if (!found.ok) return refused(journal, found.error);
      const { restart, shutdown, type, significant } = found.spec;
      const known = erlangWord(String(shutdown));
      return `ok ${textOfId(found.spec.id)} ${restart} ${known} ${type} ${String(significant)}`;
    }
  }
}

function doneText(journal: Journal, answer: Done | Refused<AnyRefusal>): string {
  return answer.ok ? 'ok' : refused(journal, answer.error);
}

function startedText(journal: Journal, answer: Started | Refused<AnyRefusal>): string {
  if (!answer.ok) return refused(journal, answer.error);
  return `ok ${answer.pid === undefined ? 'undefined' : journal.nameOf(answer.pid)}`;
}

function refused(journal: Journal, error: AnyRefusal): string {
  switch (error.kind) {
    case 'alreadyStarted':
      return `error already_started ${journal.nameOf(error.pid)}`;
    case 'startFailed':
      return `error start_failed ${journal.textOf(error.reason)}`;
    default:
      return `error ${snakeCase(error.kind)}`;
  }
}

function shown(journal: Journal, { id, pid, type }: ChildInfo): string {
  const state = typeof pid === 'object' ? journal.nameOf(pid) : (pid ?? 'undefined');
  return `${textOfId(id)} ${state} ${type}`;
}
