import type { PanelsAnswer } from '../protocol.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Route } from './route.ts';
import { sendJson } from './send-json.ts';

/** Sources are asked at most so often, in milliseconds, however many ask. */
const everyMs = 1_000;

/** The tables of the sources. Made when somebody asks: who looks at them asks regularly. */
export function panelRoutes({ system, shower }: ObservedSystem): readonly Route[] {
  let last: PanelsAnswer | undefined;
  const panels = (): PanelsAnswer => {
    const t = system.clock.now();
    if (last !== undefined && t - last.t < everyMs) return last;
    const made: Record<string, Readonly<Record<string, unknown>>> = {};
    for (const source of system.observation.sources) {
      try {
        const own = Object.entries(source.panels?.() ?? {});
        const shown = own.map(([name, content]) => [name, shower.show(content)] as const);
        if (shown.length > 0) made[source.name] = Object.fromEntries(shown);
      } catch (error) {
        system.logger.warn(`the observation source ${source.name} failed`, { error });
      }
    }
    last = { t, panels: made };
    return last;
  };
  return [
    {
      method: 'GET',
      path: '/api/panels',
      open: false,
      handle: (_request, response) => {
        sendJson(response, panels());
      },
    },
  ];
}
