import fc, { type Arbitrary } from 'fast-check';
import type { Command, ProcessHistory, ProcessStep } from './process-history.ts';
import { reasonWords } from './reasons.ts';

/** A step whose processes, monitors and timers are still numbers, to be taken modulo what there is. */
type RawStep =
  | { readonly do: 'tell'; readonly who: number; readonly what: RawCommand }
  | { readonly do: 'hold' | 'release'; readonly who: number }
  | { readonly do: 'wait' };

type RawCommand = { readonly do: Command['do']; readonly at: number } & Readonly<
  Record<string, unknown>
>;

const at = fc.nat({ max: 59 });
const reason = fc.constantFrom(...reasonWords);
const name = fc.constantFrom('conf_a', 'conf_b');
const text = fc.constantFrom('x', 'y', 'z');
/** At once, within a wait, or long after the end. */
const ms = fc.constantFrom(0, 30, 30, 60_000, -1);

function told(weight: number, what: Arbitrary<object>) {
  return { weight, arbitrary: what as Arbitrary<RawCommand> };
}

const command: Arbitrary<RawCommand> = fc.oneof(
  told(
    4,
    fc.record({
      do: fc.constant('spawn'),
      at,
      how: fc.constantFrom('plain', 'link', 'link', 'monitor'),
    }),
  ),
  told(4, fc.record({ do: fc.constant('trap'), at, on: fc.boolean() })),
  told(2, fc.record({ do: fc.constant('die'), at, how: fc.constantFrom('return', 'raise') })),
  told(3, fc.record({ do: fc.constant('die'), at, how: fc.constant('exit'), reason })),
  told(5, fc.record({ do: fc.constant('link'), at })),
  told(3, fc.record({ do: fc.constant('unlink'), at })),
  told(1, fc.record({ do: fc.constant('alive'), at })),
  told(7, fc.record({ do: fc.constant('exit'), at, reason })),
  told(3, fc.record({ do: fc.constant('send'), at, text })),
  told(4, fc.record({ do: fc.constant('monitor'), at })),
  told(3, fc.record({ do: fc.constant('demonitor'), at, flush: fc.boolean() })),
  told(3, fc.record({ do: fc.constant('after'), at, ms, text })),
  told(2, fc.record({ do: fc.constant('afterName'), at, name, ms, text })),
  told(2, fc.record({ do: fc.constant('cancel'), at })),
  told(2, fc.record({ do: fc.constant('monitorName'), at, name })),
  told(2, fc.record({ do: fc.constant('sendName'), at, name, text })),
  told(4, fc.record({ do: fc.constantFrom('register', 'unregister', 'whereis'), at, name })),
);

const rawStep: Arbitrary<RawStep> = fc.oneof(
  {
    weight: 96,
    arbitrary: fc.record({ do: fc.constant('tell' as const), who: at, what: command }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('hold' as const), who: at }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('release' as const), who: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
);

/** Random histories of bare processes. */
export const processHistories: Arbitrary<ProcessHistory> = fc
  .record({
    count: fc.integer({ min: 2, max: 4 }),
    steps: fc.array(rawStep, { maxLength: 24, size: 'max' }),
  })
  .map(({ count, steps }) => new Naming(count).history(steps));

/** Gives everything in a history its name. */
class Naming {
  readonly #first: readonly string[];
  readonly #ids: string[];
  readonly #monitors: string[] = [];
  readonly #timers: string[] = [];
  readonly #held = new Set<string>();

  constructor(count: number) {
    this.#first = Array.from({ length: count }, (_, index) => `p${index}`);
    this.#ids = [...this.#first];
  }

  history(raw: readonly RawStep[]): ProcessHistory {
    return { processes: this.#first, steps: raw.map((step) => this.#step(step)) };
  }

  #step(raw: RawStep): ProcessStep {
    switch (raw.do) {
      case 'wait':
        return raw;
      case 'hold': {
        const who = pick(this.#ids, raw.who);
        // Held twice it would be held anew when it is released.
        if (this.#held.has(who)) return this.#released(who);
        this.#held.add(who);
        return { do: 'hold', who };
      }
      case 'release':
        return this.#held.size === 0
          ? { do: 'tell', who: pick(this.#ids, raw.who), what: { do: 'trap', on: true } }
          : this.#released(pick([...this.#held], raw.who));
      case 'tell': {
        const who = pick(this.#ids, raw.who);
        return { do: 'tell', who, what: this.#command(raw.what, who) };
      }
    }
  }

  #released(who: string): ProcessStep {
    this.#held.delete(who);
    return { do: 'release', who };
  }

  #command({ at: index, ...raw }: RawCommand, who: string): Command {
    return { ...raw, ...this.#names(raw.do, index, who) } as Command;
  }

  #names(what: Command['do'], index: number, who: string): object {
    switch (what) {
      case 'spawn':
        return { id: added(this.#ids, 'n') };
      case 'monitor':
        // Nobody hears of its own end.
        return { to: other(this.#ids, index, who), ref: added(this.#monitors, 'm') };
      case 'monitorName':
        return { ref: added(this.#monitors, 'm') };
      case 'demonitor':
        return { ref: this.#monitors.length === 0 ? 'none' : pick(this.#monitors, index) };
      case 'after':
        return { to: pick(this.#ids, index), timer: added(this.#timers, 't') };
      case 'afterName':
        return { timer: added(this.#timers, 't') };
      case 'cancel':
        return { timer: this.#timers.length === 0 ? 'none' : pick(this.#timers, index) };
      case 'link':
      case 'unlink':
      case 'alive':
      case 'exit':
      case 'send':
        return { to: pick(this.#ids, index) };
      default:
        return {};
    }
  }
}

function added(list: string[], letter: string): string {
  const id = `${letter}${list.length}`;
  list.push(id);
  return id;
}

function pick(list: readonly string[], index: number): string {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}

function other(list: readonly string[], index: number, not: string): string {
  return pick(
    list.filter((id) => id !== not),
    index,
  );
}
