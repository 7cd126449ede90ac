import { createSystem, defineServer, noreply, ok, reply } from '@snakepit/core';

const counter = defineServer({
  name: 'counter',
  trapExit: true, // so that `terminate` runs when it is told to stop, as in OTP
  init: (start: number) => ok({ n: start }),
  call: {
    get: (state) => reply(state.n, state),
    add: (state, by: number) => reply(state.n + by, { n: state.n + by }),
  },
  cast: { reset: () => noreply({ n: 0 }) },
  info: (state, message) => {
    console.log('somebody sent', message);
    return noreply(state);
  },
  terminate: (state, reason) => {
    console.log(`ends at ${state.n}, reason ${reason.kind}`);
  },
});

const system = createSystem();
const ref = await system.start(counter, 1);

console.log(await ref.call.add(2)); // 3, typed from the definition
ref.cast.reset();
system.send(ref.pid, 'anything');
console.log(await ref.call.get()); // 0: messages from one sender arrive in order

await system.stop();
