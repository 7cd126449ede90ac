/** By how much we are to be better or may be worse than the peer. */
const atMost = (times, text) => ({ text, isMet: ({ ratio }) => ratio <= times });

/** The figure itself is to be small. */
const below = (most, text) => ({ text, isMet: ({ ours }) => ours <= most });

const batch = { batch: 1_000 };

const pingPong = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'pingPong', size: 500_000 },
    casts: { contestant: 'snakepit', work: 'castPingPong', size: 500_000 },
    bare: { contestant: 'bare', work: 'pingPong', size: 500_000 },
    beamSend: { contestant: 'beam', work: 'sendPingPong', size: 500_000 },
    beamServer: { contestant: 'beam', work: 'pingPong', size: 500_000 },
    beamCast: { contestant: 'beam', work: 'castPingPong', size: 500_000 },
    callback: { contestant: 'xstate', work: 'pingPongCallback', size: 200_000 },
    machine: { contestant: 'xstate', work: 'pingPongMachine', size: 30_000 },
    nact: { contestant: 'nact', work: 'pingPong', size: 100_000 },
    comedy: { contestant: 'comedy', work: 'pingPong', size: 100_000 },
    effect: { contestant: 'effect', work: 'pingPong', size: 100_000 },
  },
  rows: [
    { peer: 'beamSend', against: 'BEAM, `send`', goal: atMost(1, '≤ 1 × the BEAM') },
    { peer: 'beamServer', against: 'BEAM, gen_server info' },
    { peer: 'nact', against: 'nact', goal: atMost(0.1, '≥ 10 × nact') },
    { peer: 'comedy', against: 'comedy' },
    { peer: 'effect', against: 'effect, queues' },
    { peer: 'callback', against: 'XState, fromCallback' },
    { peer: 'machine', against: 'XState, machine' },
    { peer: 'bare', against: 'bare class (limit)' },
  ]
    .map((row) => ({ ...row, name: 'ping-pong of two GenServers, a message' }))
    .concat({
      name: 'the same by cast',
      ours: 'casts',
      peer: 'beamCast',
      against: 'BEAM, gen_server:cast',
    })
    .map((row) => ({ ...row, figure: 'perMessage', unit: 'µs' })),
};

const call = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'call', size: 50_000 },
    bare: { contestant: 'bare', work: 'call', size: 50_000 },
    beam: { contestant: 'beam', work: 'call', size: 50_000 },
    nact: { contestant: 'nact', work: 'call', size: 20_000 },
    comedy: { contestant: 'comedy', work: 'call', size: 20_000 },
    effect: { contestant: 'effect', work: 'call', size: 20_000 },
  },
  rows: [
    { peer: 'beam', against: 'BEAM, gen_server:call', goal: atMost(1, '≤ 1 × the BEAM') },
    { peer: 'nact', against: 'nact, query' },
    { peer: 'comedy', against: 'comedy, sendAndReceive' },
    { peer: 'effect', against: 'effect, Deferred' },
    { peer: 'bare', against: 'bare class (limit)' },
  ].map((row) => ({ ...row, name: 'call and answer', figure: 'perCall', unit: 'µs' })),
};

const spawn = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'spawnStop', size: 10_000, option: batch },
    bare: { contestant: 'bare', work: 'spawnStop', size: 10_000, option: batch },
    beam: { contestant: 'beam', work: 'spawnStop', size: 10_000, option: batch },
    beamPlain: { contestant: 'beam', work: 'spawnPlain', size: 10_000, option: batch },
    nact: { contestant: 'nact', work: 'spawnStop', size: 10_000, option: batch },
    comedy: { contestant: 'comedy', work: 'spawnStop', size: 3_000, option: batch },
    effect: { contestant: 'effect', work: 'spawnStop', size: 10_000, option: batch },
    xstate: { contestant: 'xstate', work: 'spawnStop', size: 10_000, option: batch },
  },
  rows: [
    { peer: 'nact', against: 'nact', goal: atMost(0.5, '≥ 2 × nact') },
    { peer: 'beam', against: 'BEAM, gen_server', goal: below(15, '≤ 15 µs') },
    { peer: 'beamPlain', against: 'BEAM, plain process' },
    { peer: 'comedy', against: 'comedy' },
    { peer: 'effect', against: 'effect, fibers' },
    { peer: 'xstate', against: 'XState, machine of 2 states' },
    { peer: 'bare', against: 'bare class (limit)' },
  ].map((row) => ({
    ...row,
    name: 'spawn and stop of a GenServer',
    figure: 'perProcess',
    unit: 'µs',
  })),
};

const crashes = { crashes: 300 };

const crash = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'replace', size: 10_000, option: crashes },
    bare: { contestant: 'bare', work: 'replace', size: 10_000, option: crashes },
    beam: { contestant: 'beam', work: 'replace', size: 10_000, option: crashes },
    nact: { contestant: 'nact', work: 'replace', size: 10_000, option: crashes },
    effect: { contestant: 'effect', work: 'replace', size: 10_000, option: crashes },
  },
  rows: [
    { peer: 'beam', against: 'BEAM, supervisor', goal: atMost(2, '≤ 2 × the BEAM') },
    { peer: 'nact', against: 'nact, reset' },
    { peer: 'effect', against: 'effect, retry' },
    { peer: 'bare', against: 'bare class (limit)' },
  ].map((row) => ({
    ...row,
    name: 'crash → replacement alive, among 10,000 children: p50',
    figure: 'p50',
    unit: 'µs',
  })),
};

const linear = atMost(1.5, '≤ 1.5 ×, linear');

const storm = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'storm', size: 10_000 },
    few: { contestant: 'snakepit', work: 'storm', size: 1_000 },
    many: { contestant: 'snakepit', work: 'storm', size: 100_000, rounds: 2 },
    bare: { contestant: 'bare', work: 'storm', size: 10_000 },
    beam: { contestant: 'beam', work: 'storm', size: 10_000, rounds: 4 },
    nact: { contestant: 'nact', work: 'storm', size: 10_000 },
    effect: { contestant: 'effect', work: 'storm', size: 10_000 },
  },
  rows: [
    {
      peer: 'beam',
      against: 'BEAM, supervisor',
      goal: { text: '≥ 3 × the BEAM', isMet: ({ ratio }) => ratio >= 3 },
    },
    { peer: 'nact', against: 'nact, reset' },
    { peer: 'effect', against: 'effect, retry' },
    { peer: 'bare', against: 'bare class (limit)' },
  ]
    .map((row) => ({
      ...row,
      name: 'all of 10,000 children crash at once',
      figure: 'perSecond',
      unit: 'restarts/s',
    }))
    .concat(
      [
        { name: 'a restart, all of 10,000 crashing', ours: 'snakepit' },
        { name: 'a restart, all of 100,000 crashing', ours: 'many' },
      ].map((row) => ({
        ...row,
        peer: 'few',
        against: 'ours, 1,000 crashing',
        figure: 'perRestart',
        unit: 'µs',
        goal: linear,
      })),
    ),
};

const start = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'startMany', size: 100_000, rounds: 3 },
    few: { contestant: 'snakepit', work: 'startMany', size: 1_000 },
    bare: { contestant: 'bare', work: 'startMany', size: 100_000, rounds: 3 },
    beam: { contestant: 'beam', work: 'startMany', size: 100_000, rounds: 3 },
    nact: { contestant: 'nact', work: 'startMany', size: 100_000, rounds: 3 },
    effect: { contestant: 'effect', work: 'startMany', size: 100_000, rounds: 3 },
  },
  rows: [
    { peer: 'few', against: 'ours, 1,000 children', goal: linear },
    { peer: 'beam', against: 'BEAM, supervisor' },
    { peer: 'nact', against: 'nact' },
    { peer: 'effect', against: 'effect, fibers' },
    { peer: 'bare', against: 'bare class (limit)' },
  ]
    .map((row) => ({
      ...row,
      name: 'start of a child, 100,000 of them',
      figure: 'perChild',
      unit: 'µs',
    }))
    .concat(
      [
        { peer: 'beam', against: 'BEAM, supervisor', goal: below(3, '≤ 3 KB') },
        { peer: 'nact', against: 'nact' },
        { peer: 'effect', against: 'effect, fibers' },
        { peer: 'bare', against: 'bare class (limit)' },
      ].map((row) => ({
        ...row,
        name: 'memory of a GenServer child, supervisor included',
        figure: 'perChildKb',
        unit: 'KB',
      })),
    ),
};

const stopCharts = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'stopCharts', size: 10_000 },
    few: { contestant: 'snakepit', work: 'stopCharts', size: 1_000 },
    some: { contestant: 'snakepit', work: 'stopCharts', size: 2_000 },
    xstate: { contestant: 'xstate', work: 'stopCharts', size: 10_000, rounds: 1 },
    xstateSome: { contestant: 'xstate', work: 'stopCharts', size: 2_000, rounds: 3 },
  },
  rows: [
    {
      name: 'stop of 10,000 statechart processes with a delay each',
      figure: 'total',
      unit: 'ms',
      peer: 'xstate',
      against: 'XState, one system',
      goal: below(500, '≤ 0.5 s'),
    },
    {
      name: 'stop of 2,000 statechart processes with a delay each',
      figure: 'total',
      unit: 'ms',
      ours: 'some',
      peer: 'xstateSome',
      against: 'XState, one system',
    },
    {
      name: 'stop of a statechart process, 10,000 of them',
      figure: 'perProcess',
      unit: 'µs',
      peer: 'few',
      against: 'ours, 1,000 of them',
      goal: linear,
    },
  ],
};

const width = { width: 1_000 };

const fanOut = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'fanOut', size: 200, option: width },
    bare: { contestant: 'bare', work: 'fanOut', size: 200, option: width },
    beam: { contestant: 'beam', work: 'fanOut', size: 200, option: width },
    beamServer: { contestant: 'beam', work: 'fanOutServers', size: 200, option: width },
    nact: { contestant: 'nact', work: 'fanOut', size: 50, option: width },
    comedy: { contestant: 'comedy', work: 'fanOut', size: 50, option: width },
    effect: { contestant: 'effect', work: 'fanOut', size: 50, option: width },
  },
  rows: [
    { peer: 'nact', against: 'nact', goal: atMost(0.2, '≥ 5 × nact') },
    { peer: 'beam', against: 'BEAM, `send`', goal: atMost(1, '≤ 1 × the BEAM') },
    { peer: 'beamServer', against: 'BEAM, gen_server info' },
    { peer: 'comedy', against: 'comedy' },
    { peer: 'effect', against: 'effect, queues' },
    { peer: 'bare', against: 'bare class (limit)' },
  ].map((row) => ({
    ...row,
    name: 'fan-out to 1,000 GenServers and their replies, a message',
    figure: 'perMessage',
    unit: 'µs',
  })),
};

const prompt = below(25, '≤ 25 ms');

const lag = {
  sides: Object.fromEntries(
    ['snakepit', 'bare', 'beam', 'nact', 'effect'].map((contestant) => [
      contestant,
      { contestant, work: 'lag', size: 1_500, rounds: 3 },
    ]),
  ),
  rows: [
    { peer: 'bare', against: 'nothing runs (limit)', goal: prompt },
    { peer: 'beam', against: 'BEAM, `send`' },
    { peer: 'nact', against: 'nact' },
    { peer: 'effect', against: 'effect, queues' },
  ].flatMap((row) => [
    {
      ...row,
      name: 'two processes message for ever: lag of a 10 ms timer, p99',
      figure: 'timerP99',
      unit: 'ms',
    },
    {
      ...row,
      name: 'two processes message for ever: echo of a socket, p99',
      figure: 'echoP99',
      unit: 'ms',
    },
  ]),
};

const unobserved = {
  sides: {
    snakepit: { contestant: 'snakepit', work: 'pingPong', size: 500_000 },
    without: { contestant: 'snakepit', work: 'pingPongUnrecorded', size: 500_000 },
  },
  rows: [
    {
      name: 'ping-pong, nobody listening, a message',
      figure: 'perMessage',
      unit: 'µs',
      peer: 'without',
      against: 'ours without flight recorder',
      goal: atMost(1.1, '≤ 10 % more'),
    },
  ],
};

/** What is compared, by the name of its suite. */
export const comparisons = {
  pingPong,
  call,
  spawn,
  crash,
  storm,
  start,
  stopCharts,
  fanOut,
  lag,
  unobserved,
};
