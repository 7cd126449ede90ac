import type { TurnsAnswer } from '../protocol.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Route } from './route.ts';
import { sendJson } from './send-json.ts';

/** More than this nobody compares. */
const mostProcesses = 20_000;

/** How much each process has done. Not part of the rows: it changes with every message. */
export function turnsRoutes({ system }: ObservedSystem): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/turns',
      open: false,
      handle: (_request, response) => {
        const turns: (readonly [pid: number, turns: number])[] = [];
        for (const process of system.processes()) {
          if (turns.length >= mostProcesses) break;
          turns.push([process.pid.id, process.turns]);
        }
        sendJson(response, { t: system.clock.now(), turns } satisfies TurnsAnswer);
      },
    },
  ];
}
