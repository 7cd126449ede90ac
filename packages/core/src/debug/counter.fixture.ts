import { defineServer, noreply, ok, reply } from '../index.ts';

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A server that counts and can be kept busy. */
export const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok(start),
  call: {
    get: (n) => reply(n, n),
    add: (n, by: number) => reply(n + by, n + by),
    wait: async (n, opened: Promise<void>, self) => {
      // So that it is in the run queue once more, while it awaits.
      self.send(self.pid, 'to itself');
      await opened;
      return reply('done', n);
    },
  },
  cast: { set: (_n, to: number) => noreply(to) },
  info: (n) => noreply(n),
});
