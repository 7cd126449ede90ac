import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SelectiveMailbox } from './mailbox.ts';

interface Letter {
  readonly kind: string;
  readonly number: number;
}

const kindOf = (message: unknown): string => (message as Letter).kind;
const kind = fc.constantFrom('a', 'b', 'c', '');

describe('SelectiveMailbox', () => {
  test('gives the oldest message that is not held, as a search through an array would', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: kind.map((one) => ({ push: one })) },
      { weight: 3, arbitrary: fc.constant({ shift: true }) },
      { weight: 1, arbitrary: fc.array(kind).map((held) => ({ held })) },
      { weight: 1, arbitrary: fc.array(kind).map((take: readonly string[]) => ({ take })) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const mailbox = new SelectiveMailbox(kindOf);
        let model: Letter[] = [];
        let held: readonly string[] = [];
        let number = 0;
        const next = (): Letter | undefined => model.find((letter) => !held.includes(letter.kind));
        for (const one of steps) {
          if ('push' in one) {
            const letter = { kind: one.push, number: ++number };
            mailbox.push(letter);
            model.push(letter);
          } else if ('shift' in one) {
            const letter = next();
            expect(mailbox.shift()).toBe(letter);
            model = model.filter((other) => other !== letter);
          } else if ('held' in one) {
            held = one.held;
            mailbox.hold((other) => held.includes(other));
          } else {
            const wanted = model.find((letter) => one.take.includes(letter.kind));
            expect(mailbox.take((message) => one.take.includes(kindOf(message)))).toBe(wanted);
            model = model.filter((letter) => letter !== wanted);
          }
          expect([mailbox.length, mailbox.ready]).toEqual([model.length, next() !== undefined]);
        }
        mailbox.clear();
        expect([mailbox.length, mailbox.ready, mailbox.shift()]).toEqual([0, false, undefined]);
      }),
    );
  });

  test('kinds without number are no matter, held or not', () => {
    const mailbox = new SelectiveMailbox(kindOf);
    mailbox.hold((one) => one === 'kind 7');
    for (let number = 0; number < 200; number++) {
      const letter = { kind: `kind ${String(number)}`, number };
      mailbox.push(letter);
      if (number !== 7) expect(mailbox.shift()).toBe(letter);
    }
    expect(mailbox.length).toBe(1);
    mailbox.hold(() => false);
    expect(mailbox.shift()).toEqual({ kind: 'kind 7', number: 7 });
  });
});
