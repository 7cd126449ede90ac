import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { processHistories } from './generate-processes.ts';
import { playOurProcesses } from './our-processes.ts';
import { readableHistory, type Command, type ProcessStep } from './process-history.ts';

function tell(who: string, what: Command): ProcessStep {
  return { do: 'tell', who, what };
}

describe('histories of bare processes', () => {
  test('one seed always makes the same, and every command is in them', () => {
    const samples = (seed: number) => fc.sample(processHistories, { seed, numRuns: 300 });
    expect(samples(7)).toEqual(samples(7));
    const seen = new Set(
      samples(7)
        .flatMap(({ steps }) => steps)
        .map((step) => (step.do === 'tell' ? step.what.do : step.do)),
    );
    expect([...seen].sort()).toEqual(
      [
        ...['after', 'afterName', 'alive', 'cancel', 'demonitor', 'die', 'exit', 'hold', 'link'],
        ...['monitor', 'monitorName', 'register', 'release', 'send', 'sendName', 'spawn', 'trap'],
        ...['unlink', 'unregister', 'wait', 'whereis'],
      ].sort(),
    );
  });

  test('[PRC-017] [PRC-018] [MON-005] what is in the mailbox of one that is held stays there, unless it is flushed', async () => {
    const log = await playOurProcesses({
      processes: ['p0', 'p1'],
      steps: [
        tell('p0', { do: 'trap', on: true }),
        tell('p0', { do: 'link', to: 'p1' }),
        tell('p0', { do: 'monitor', to: 'p1', ref: 'm0' }),
        tell('p0', { do: 'monitor', to: 'p1', ref: 'm1' }),
        { do: 'hold', who: 'p0' },
        tell('p1', { do: 'die', how: 'exit', reason: 'boom' }),
        tell('p0', { do: 'unlink', to: 'p1' }),
        tell('p0', { do: 'trap', on: false }),
        tell('p0', { do: 'demonitor', ref: 'm0', flush: true }),
        tell('p0', { do: 'demonitor', ref: 'm1', flush: false }),
        { do: 'release', who: 'p0' },
      ],
    });
    expect(log).toEqual([
      'p0 2 link ok',
      'p0 11 EXIT p1 boom',
      'p0 11 DOWN m1 boom',
      'p1 6 ends boom',
      'p0 at last: linked [] watched 0 named - waiting 0',
      'p1 at last: gone',
    ]);
  });

  test('[PRC-019] one that is held and told to die runs no further; [TMR-004] names are looked up when the time comes', async () => {
    const log = await playOurProcesses({
      processes: ['p0', 'p1'],
      steps: [
        tell('p0', { do: 'afterName', name: 'conf_a', ms: 30, text: 'x', timer: 't0' }),
        tell('p1', { do: 'register', name: 'conf_a' }),
        { do: 'hold', who: 'p0' },
        tell('p1', { do: 'send', to: 'p0', text: 'y' }),
        tell('p0', { do: 'die', how: 'raise' }),
        { do: 'wait' },
      ],
    });
    expect(log).toEqual([
      'p0 1 timer ok',
      'p0 5 ends error crash',
      'p1 2 register ok',
      'p1 6 got x',
      'p0 at last: gone',
      'p1 at last: linked [] watched 0 named conf_a waiting 0',
    ]);
  });

  test('a history can be read', () => {
    const steps: ProcessStep[] = [
      tell('p0', { do: 'exit', to: 'p1', reason: 'boom' }),
      { do: 'hold', who: 'p1' },
      { do: 'wait' },
    ];
    expect(readableHistory({ processes: ['p0', 'p1'], steps })).toBe(
      'processes p0, p1\n1. p0: exit p1 boom\n2. hold p1\n3. time passes',
    );
  });
});
