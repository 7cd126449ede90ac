import {
  defineStatechart,
  exitReason,
  type Effects,
  type ExitReason,
  type Pid,
  type ProcessContext,
  type StartResult,
} from '@snakepit/core';
import type { Application, TopSupervisor } from './application-definition.ts';
import { applicationMachine, type ApplicationMachineInput } from './application.machine.ts';
import { isNamedByInput } from './child-handles.ts';

/** What the process of an application is started with. */
export interface ApplicationProcessInput extends ApplicationMachineInput {
  /** What runs. */
  readonly application: Application;
  /** For its `start`. */
  readonly args: unknown;
}

/** The process of one application; the chart beside it says what it does when. */
export const applicationProcess = defineStatechart(applicationMachine, {
  name: 'application',
  trapExit: true,
  effects: (self, input) => effectsOf(self, input as ApplicationProcessInput),
});

function effectsOf(
  self: ProcessContext,
  { application, args }: ApplicationProcessInput,
): Effects<typeof applicationMachine> {
  const { start, prepStop, stop } = application.callbacks;
  let state: unknown;
  let top: Pid | undefined;
  const tell = (event: object): void => {
    self.send(self.pid, event);
  };
  // What one callback throws must not keep the others from running.
  const attempt = async (name: string, callback: () => unknown, then: object): Promise<void> => {
    try {
      const result: unknown = await callback();
      if (name === 'prepStop') state = result;
    } catch (error) {
      self.system.logger.error(`${name} of application "${application.name}" failed`, { error });
    }
    tell(then);
  };
  return {
    startTop: () => {
      // Which arguments it takes was checked by the types of Application.start.
      void planOf(start && (() => start(args as never, self))).then((plan) => {
        if ('type' in plan) {
          tell(plan);
          return;
        }
        state = plan.state;
        top = startSupervisor(self, plan.top, (result) => {
          tell(outcomeOf(result));
        });
      });
    },
    callPrepStop: () => {
      const then = { type: 'prepStop.done' };
      if (prepStop === undefined) tell(then);
      else void attempt('prepStop', () => prepStop(state as never, self), then);
    },
    askTop: () => {
      if (top !== undefined) self.exit(top, exitReason.shutdown);
    },
    callStop: () => {
      const then = { type: 'stop.done' };
      if (stop === undefined) tell(then);
      else void attempt('stop', () => stop(state as never, self), then);
    },
  };
}

/** There is nothing to start, or nothing that can be started. */
type Settled =
  | { readonly type: 'top.started'; readonly pid: null }
  | { readonly type: 'top.failed'; readonly reason: ExitReason };

interface Plan {
  readonly top: TopSupervisor;
  readonly state: unknown;
}

function outcomeOf(result: StartResult): object {
  if (!result.ok) return { type: 'top.failed', reason: result.reason };
  return result.pid === undefined
    ? failedBy('ignore')
    : { type: 'top.started', pid: result.pid.id };
}

/** `start` threw this, or gave it, and it is nothing that can be started (OTP APP-004). */
function failedBy(value: unknown): Settled {
  return { type: 'top.failed', reason: exitReason.badReturn(value) };
}

/** What `start` wants started. */
async function planOf(start: (() => unknown) | undefined): Promise<Plan | Settled> {
  if (start === undefined) return { type: 'top.started', pid: null };
  let given: unknown;
  try {
    given = await start();
  } catch (error) {
    return failedBy(error);
  }
  if (isTopSupervisor(given)) return { top: given, state: undefined };
  if (typeof given !== 'object' || given === null || !('top' in given)) return failedBy(given);
  if (!isTopSupervisor(given.top)) return failedBy(given);
  return { top: given.top, state: 'state' in given ? given.state : undefined };
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

function isTopSupervisor(value: unknown): value is TopSupervisor {
  if (!Array.isArray(value)) return false;
  const logic: unknown = value[0];
  return typeof logic === 'object' && logic !== null && 'createInstance' in logic;
}
