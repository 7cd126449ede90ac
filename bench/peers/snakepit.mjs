import { Snakepit } from 'snakepit';
import { benchAdapter, python } from '../settings.mjs';
import { worksOf } from './load-work.mjs';

const snakepit = await Snakepit.start({
  pools: [{ name: 'bench', size: 1, concurrency: 64, python, ...benchAdapter }],
});

export const works = worksOf((text) => snakepit.execute('echo', { text }));
