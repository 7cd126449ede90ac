import { callEvents } from './call-event-table.ts';
import { cleanupEvents } from './cleanup-event-table.ts';
import { launchEvents } from './launch-event-table.ts';
import { pythonEvents } from './python-event-table.ts';
import { workerEvents } from './worker-event-table.ts';

/** The events of this package. */
export const bridgeEvents = {
  ...workerEvents,
  ...launchEvents,
  ...cleanupEvents,
  ...callEvents,
  ...pythonEvents,
};
