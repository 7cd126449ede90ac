import { describe, expect, test } from '@jest/globals';
import { createSystem } from '@snakepit/core';
import { Supervisor } from './index.ts';

describe('what is asked of a supervisor', () => {
  test('that is none of our references says how to get one', async () => {
    const system = createSystem();
    const tree = await Supervisor.start(system, { name: 'app' });
    const wanted = expect.stringContaining('Supervisor.at(system, pidOrName)');
    for (const wrong of [undefined, 'app', tree.pid]) {
      const failure = { code: 'INVALID_ARGUMENT', remedy: wanted };
      await expect(Supervisor.whichChildren(wrong as never)).rejects.toMatchObject(failure);
      await expect(Supervisor.stop(wrong as never)).rejects.toMatchObject(failure);
    }
    await expect(Supervisor.whichChildren(Supervisor.at(system, tree.pid))).resolves.toEqual([]);
    await expect(Supervisor.whichChildren(Supervisor.at(system, 'app'))).resolves.toEqual([]);
    await system.stop();
  });
});
