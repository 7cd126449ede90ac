import {
  defineStatechart,
  exitReason,
  formatExitReason,
  type Effects,
  type ExitReason,
  type Pid,
  type ProcessContext,
  type StartResult,
} from '@snakepit/core';
import type { Application, TopSupervisor } from './application-definition.ts';
import { applicationMachine, type ApplicationMachineInput } from './application.machine.ts';
import { isNamedByInput } from './child-handles.ts';
import { checkChildSpec } from './child-spec.ts';
import { supervisorError } from './errors.ts';

/** What the process of an application is started with. */
export interface ApplicationProcessInput extends ApplicationMachineInput {
  /** What runs. */
  readonly application: Application<never>;
  /** For its `start`. */
  readonly args: unknown;
}

/** The process of one application; the chart beside it says what it does when. */
export const applicationProcess = defineStatechart(applicationMachine, {
  name: 'application',
  trapExit: true,
  effects: (self, input) => effectsOf(self, input as ApplicationProcessInput),
});

/** What one application holds while it lives. */
interface Life {
  /** What its callbacks hand on. */
  state: unknown;
  /** Its top process, from the moment that it is spawned. */
  top: Pid | undefined;
  isGivenUp: boolean;
}

function effectsOf(
  self: ProcessContext,
  input: ApplicationProcessInput,
): Effects<typeof applicationMachine> {
  const life: Life = { state: undefined, top: undefined, isGivenUp: false };
  const tell = (event: object): void => {
    self.send(self.pid, event);
  };
  return { ...starting(self, input, life, tell), ...stopping(self, input, life, tell) };
}

type Tell = (event: object) => void;

function starting(
  self: ProcessContext,
  { application: { name, callbacks }, args }: ApplicationProcessInput,
  life: Life,
  tell: Tell,
): Pick<Effects<typeof applicationMachine>, 'startTop' | 'giveUp'> {
  const startPlanned = (plan: Plan): void => {
    life.state = plan.state;
    try {
      life.top = startSupervisor(self, plan.top, (result) => {
        tell(outcomeOf(name, result));
      });
    } catch (error) {
      // A name that nobody can have, or in a registry that does not run.
      tell({ type: 'top.failed', reason: exitReason.error(error) });
    }
  };
  return {
    startTop: () => {
      const { start } = callbacks;
      if (start === undefined) {
        tell({ type: 'top.started', pid: null });
        return;
      }
      // Which arguments it takes was checked by the types of Application.start.
      void planOf(name, () => start(args as never, self)).then((plan) => {
        if (life.isGivenUp) return;
        if ('type' in plan) tell(plan);
        else startPlanned(plan);
      });
    },
    giveUp: () => {
      life.isGivenUp = true;
      // What is being started says how that ended; where nothing is yet, nothing will be.
      if (life.top !== undefined) self.exit(life.top, exitReason.shutdown);
      else tell({ type: 'top.failed', reason: exitReason.shutdown });
    },
  };
}

function stopping(
  self: ProcessContext,
  { application: { name, callbacks } }: ApplicationProcessInput,
  life: Life,
  tell: Tell,
): Pick<Effects<typeof applicationMachine>, 'callPrepStop' | 'askTop' | 'callStop'> {
  // What one callback throws must not keep the others from running.
  const attempt = async (which: 'prepStop' | 'stop'): Promise<void> => {
    try {
      const result: unknown = await callbacks[which]?.(life.state as never, self);
      if (which === 'prepStop') life.state = result;
    } catch (error) {
      self.system.logger.error(`${which} of application "${name}" failed`, { error });
    }
    tell({ type: `${which}.done` });
  };
  return {
    callPrepStop: () => {
      if (callbacks.prepStop === undefined) tell({ type: 'prepStop.done' });
      else void attempt('prepStop');
    },
    askTop: () => {
      if (life.top !== undefined) self.exit(life.top, exitReason.shutdown);
    },
    callStop: () => {
      if (callbacks.stop === undefined) tell({ type: 'stop.done' });
      else void attempt('stop');
    },
  };
}

/** There is nothing that can be started. */
interface Failed {
  readonly type: 'top.failed';
  readonly reason: ExitReason;
}

interface Plan {
  readonly top: TopSupervisor;
  readonly state: unknown;
}

function outcomeOf(application: string, result: StartResult): object {
  if (!result.ok) return { type: 'top.failed', reason: result.reason };
  return result.pid === undefined
    ? failedBy(application, 'gave a top supervisor that declined to start', 'ignore')
    : { type: 'top.started', pid: result.pid.id };
}

/** `start` threw this, or gave it, and it is nothing that can be started (OTP APP-004). */
function failedBy(application: string, what: string, value: unknown): Failed {
  const cause = value instanceof Error ? { cause: value } : {};
  const error = supervisorError('BAD_APPLICATION_START', { application, what, value }, cause);
  return { type: 'top.failed', reason: exitReason.error(error) };
}

/** What `start` wants started. */
async function planOf(application: string, start: () => unknown): Promise<Plan | Failed> {
  let given: unknown;
  try {
    given = await start();
  } catch (error) {
    return failedBy(application, `threw ${formatExitReason(exitReason.custom(error))}`, error);
  }
  if (isTopSupervisor(given)) return { top: given, state: undefined };
  if (hasTop(given)) return { top: given.top, state: given.state };
  const shown = formatExitReason(exitReason.custom(given));
  return failedBy(application, `gave what cannot be started: ${shown}`, given);
}

function hasTop(value: unknown): value is Plan {
  return (
    typeof value === 'object' && value !== null && 'top' in value && isTopSupervisor(value.top)
  );
}

function startSupervisor(
  self: ProcessContext,
  [logic, input]: TopSupervisor,
  onStarted: (result: StartResult) => void,
): Pid {
  const name = isNamedByInput(logic) ? logic.nameIn(input) : undefined;
  // The author of `start` ties the input to the logic; here both are passed on unseen.
  return self.startLink(logic, input as never, name === undefined ? {} : { name }, onStarted);
}

/** Whether a child of a supervisor could be started so. */
function isTopSupervisor(value: unknown): value is TopSupervisor {
  return Array.isArray(value) && checkChildSpec({ id: 'top', start: value }).ok;
}
