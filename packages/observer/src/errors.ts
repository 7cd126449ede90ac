import { defineErrors } from '@snakepit/core';

/** The failures of this package; what is wrong with an option is INVALID_ARGUMENT, as everywhere. */
export const observerError = defineErrors({
  OBSERVER_CANNOT_LISTEN: {
    message: ({ host, port }: { host: string; port: number }) =>
      `the observer cannot listen on ${host}, port ${String(port)}`,
    remedy: () => 'leave out port for one that is free, and give a host that this machine has',
  },
  INCIDENT_UNREADABLE: {
    message: ({ file, fault }: { file: string; fault: string }) =>
      `${file} is no incident that can be read: ${fault}`,
    remedy: () => 'give a file that saveIncident wrote, or that the page saved, whole',
  },
});
