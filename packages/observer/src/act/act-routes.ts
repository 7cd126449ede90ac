import { isObject, type Pid } from '@snakepit/core';
import type { ActAnswer } from '../protocol.ts';
import type { ObservedSystem } from '../server/observed-system.ts';
import { Refusal } from '../server/refusal.ts';
import { bodyOf, numberOf, pidOf, textOf } from '../server/request-values.ts';
import type { Route } from '../server/route.ts';
import { sendJson } from '../server/send-json.ts';
import { actionsOf, type Action } from './actions.ts';

/** Acting on processes; refused unless it was switched on. */
export function actRoutes(observed: ObservedSystem): readonly Route[] {
  const busy = new Set<number>();
  return [
    {
      method: 'POST',
      path: '/api/act',
      open: false,
      handle: async ({ json, remote }, response) => {
        if (!observed.plan.actions) {
          throw new Refusal(
            403,
            'acting is off: observe(system, { actions: true }) switches it on.',
          );
        }
        const order = orderOf(observed, await bodyOf(json));
        const { id } = order.pid;
        if (busy.has(id)) throw new Refusal(409, 'somebody is acting on it already.');
        busy.add(id);
        try {
          sendJson(response, await carryOut(observed, order, remote));
        } finally {
          busy.delete(id);
        }
      },
    },
  ];
}

/** What is to be done, checked. */
interface Order {
  readonly pid: Pid;
  readonly path: string;
  readonly action: Action;
  readonly args: Readonly<Record<string, unknown>>;
}

function orderOf({ system }: ObservedSystem, body: Readonly<Record<string, unknown>>): Order {
  const pid = pidOf(system, body['pid']);
  const info = system.processInfo(pid);
  const identity = system.records.identityOf(pid);
  if (info === undefined || identity === undefined) throw new Refusal(404, 'it is gone.');
  if (numberOf(body['inc'], 'inc') !== identity.incarnation) {
    const why = `it is another process by now: incarnation ${String(identity.incarnation)}.`;
    throw new Refusal(409, why);
  }
  const wanted = textOf(body['do'], 'do');
  const actions = actionsOf(system, info);
  const action = actions.find(({ name }) => name === wanted);
  if (action === undefined) {
    const names = actions.map(({ name }) => name).join(', ');
    throw new Refusal(400, `that cannot be done to it; there are: ${names}.`);
  }
  if (action.confirm && body['confirm'] !== identity.path) {
    throw new Refusal(428, `confirm must be its path: ${identity.path}`);
  }
  const args = isObject(body['args']) ? body['args'] : {};
  return { pid, path: identity.path, action, args };
}

async function carryOut(
  { system }: ObservedSystem,
  { pid, path, action, args }: Order,
  remote: string,
): Promise<ActAnswer> {
  const began = system.clock.now();
  const answer = await action.run(args).then(
    (outcome) => ({ ok: true, outcome }),
    (error: unknown) => ({ ok: false, outcome: faultText(error) }),
  );
  system.telemetry.emit(
    'snakepit.observer.acted',
    { count: 1, durationMs: system.clock.now() - began },
    { pid, path, action: action.name, ...answer, remote },
  );
  system.logger.info(`${action.name} of ${path} was asked for by a viewer`, { remote, ...answer });
  return answer;
}

function faultText(error: unknown): string {
  return isObject(error) && typeof error['message'] === 'string' ? error['message'] : String(error);
}
