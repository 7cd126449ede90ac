/** A rule that one thread of JavaScript cannot keep as the BEAM does, and what we do instead. */
export interface InherentDifference {
  /** Rules of the OTP reference. */
  readonly rules: readonly string[];
  /** What OTP does. */
  readonly otp: string;
  /** What we do. */
  readonly ours: string;
}

/** All of them. */
export const inherent: readonly InherentDifference[] = [
  {
    rules: ['PRC-005', 'GEN-011', 'SUP-004'],
    otp: '`throw` is not `error`: uncaught it ends the process with `{nocatch, Value}`, and in a callback it counts as if the value had been returned.',
    ours: 'There is one `throw`. Whatever is thrown and not caught, or rejected with, ends the process with `{ kind: "error", error }`; nothing that is thrown counts as a result. To end with a reason of one’s own there is `self.exit(reason)`.',
  },
  {
    rules: ['PRC-019', 'PRC-022'],
    otp: 'A process that is killed runs not one more instruction.',
    ours: 'An async function that was waiting goes on when its promise settles, and its `finally` runs; but its process is gone for everybody from the moment it was killed, links and monitors are told at once, and whatever that function still sends, spawns, registers, answers or schedules has no effect. `self.alive` says so, and `self.signal` is aborted.',
  },
  {
    rules: ['PRC-021', 'SHD-003'],
    otp: 'A process in an endless loop can be killed, and does not keep others waiting.',
    ours: 'Nobody can interrupt a synchronous callback. `kill` is immediate for a process that waits, for messages or for a promise; for one in the middle of a callback it acts when that returns or awaits. Turns that take too long are reported (`longTurnMs`). What must be killable belongs in a process of the operating system.',
  },
  {
    rules: ['PRC-023'],
    otp: 'Messages are copied.',
    ours: 'They are shared: nobody may change one that was sent. `createSystem({ freezeMessages: true })` freezes them, so that who does is found, for development.',
  },
  {
    rules: ['MSG-002'],
    otp: 'Nothing is promised about the order of messages of different senders.',
    ours: 'Nothing is promised either, though one thread gives one order. Do not build on it.',
  },
  {
    rules: ['MSG-007', 'STR-019'],
    otp: 'The scheduler counts work and gives everybody a turn; a supervisor may try a failing start again thousands of times per second.',
    ours: 'Each process has one message a turn, in a round; after 1,000 turns or 4 ms the event loop is let through, so timers, sockets and promises get on whatever processes do. A supervisor lets it through before each new attempt, so that what blocks the start can go away.',
  },
  {
    rules: ['TMR-006'],
    otp: 'Timers may be as long as one likes.',
    ours: 'So here: what is longer than the 24.8 days of the platform’s timers, which fire at once beyond, is made of several.',
  },
  {
    rules: ['TMR-007'],
    otp: 'Timers are as exact as the BEAM.',
    ours: 'Time is monotonic and injected. A timer is never early; it is late when a callback keeps the event loop, or a browser slows a tab in the background.',
  },
  {
    rules: ['GEN-001', 'SUP-010'],
    otp: '`start_link` returns when `init` has ended, and whoever waits for anything is blocked.',
    ours: 'Starts and calls give promises. A server whose callback awaits takes no message until the promise settles; the event loop and all other processes go on. A supervisor that starts or stops a child keeps its mailbox shut, nothing else.',
  },
  {
    rules: ['SPEC-003', 'SPEC-014'],
    otp: '2.0 is not 2: not as an intensity, and not as an id.',
    ours: 'There is one type of number, so it is. Ids that are lists or objects are compared by what is in them, not by identity.',
  },
  {
    rules: ['RGY-004'],
    otp: 'The entries of a process in a Registry go shortly after its end was announced.',
    ours: 'They are gone before anybody hears of the end.',
  },
  {
    rules: ['APP-011'],
    otp: 'When a permanent application ends, the node stops.',
    ours: 'All other applications are stopped in reverse order, and the runtime ends with an error that names the application and its reason; only a program of the command line makes an exit code of it.',
  },
];

/** Where we could do as OTP does, and chose not to. */
export const chosen: readonly InherentDifference[] = [
  {
    rules: ['SUP-002'],
    otp: 'The `init` of a supervisor may decline, raise, or give what is no supervisor.',
    ours: 'A supervisor has no code of its own: it is given its options as data, and what they are made of is computed before. Options that are junk are refused.',
  },
  {
    rules: ['SPEC-016', 'DYN-001'],
    otp: '`simple_one_for_one` has one child spec, to whose arguments `start_child` adds some.',
    ours: 'A dynamic supervisor has none: each `startChild` brings its own, and a function makes them alike. So it is in Elixir.',
  },
  {
    rules: ['TSK-001'],
    otp: 'Only the process that began a task may wait for it.',
    ours: 'So here, as far as it can be told: in synchronous code. After an await nobody knows who waits.',
  },
  {
    rules: ['TSK-002', 'TSK-010'],
    otp: 'A task sends its owner `{ref, value}` and a DOWN.',
    ours: 'Its handle is a promise, and can be asked again; no message comes.',
  },
  {
    rules: ['TSK-008'],
    otp: 'A stream of tasks in order may be ahead of its reader without limit.',
    ours: 'By no more than `maxConcurrency` elements.',
  },
  {
    rules: ['PAR-002', 'PAR-003'],
    otp: 'A key that is no number goes to `phash2(key) rem n`; while a partition restarts it goes to the dead one.',
    ours: 'To FNV-1a of the key, the remainder of n; while a partition restarts to nobody.',
  },
  {
    rules: ['RGY-009'],
    otp: 'Listeners hear of every `unregister`.',
    ours: 'Of those that took an entry away.',
  },
  {
    rules: ['SPEC-001'],
    otp: 'A supervisor allows 1 restart in 5 s unless told otherwise.',
    ours: '3 in 5 s, and `oneForOne`, as in Elixir.',
  },
  {
    rules: ['NAM-001'],
    otp: 'Anybody may give any process a name.',
    ours: 'A process registers itself, or is started under its name.',
  },
  {
    rules: ['GEN-010'],
    otp: 'A start waits without limit unless told otherwise.',
    ours: '`system.start` waits 5 s, then the process is killed; children of supervisors have all the time they need, as in OTP.',
  },
  {
    rules: ['GEN-022'],
    otp: 'A call that a server does not know crashes it.',
    ours: 'So it does a GenServer and a supervisor. In other statecharts it fails only for the caller: an event that no state takes is no crash of a chart.',
  },
  {
    rules: ['GEN-033'],
    otp: '`hibernate` and `code_change` exist.',
    ours: 'They do not: there is nothing for them to do.',
  },
];
