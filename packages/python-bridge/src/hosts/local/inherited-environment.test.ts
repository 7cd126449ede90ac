import { describe, expect, test } from '@jest/globals';
import { inheritedEnvironment } from './inherited-environment.ts';

const base = {
  PATH: '/bin',
  LC_ALL: 'C',
  SNAKEPIT_RUN_outerouterou: '1',
  AWS_SECRET_ACCESS_KEY: 'x',
  AWS_REGION: 'y',
  NOT_AWS_REGION: 'z',
  'a.b': '1',
  axb: '2',
  PYTHONPATH: '/mine',
};

describe('inheritedEnvironment', () => {
  test('[I5.12] everything, when nothing is said', () => {
    expect(inheritedEnvironment(base, undefined)).toEqual(base);
  });

  test('[I5.12] an empty list leaves what every program needs, and the marks of an outer run', () => {
    expect(Object.keys(inheritedEnvironment(base, []))).toEqual([
      'PATH',
      'LC_ALL',
      'SNAKEPIT_RUN_outerouterou',
    ]);
  });

  test('[I5.12] names are whole names; a star stands for any characters, and nothing else does', () => {
    const allowed = inheritedEnvironment(base, ['AWS_REG*', 'a.b', 'PYTHON']);
    expect(Object.keys(allowed)).toEqual([
      ...['PATH', 'LC_ALL', 'SNAKEPIT_RUN_outerouterou', 'AWS_REGION', 'a.b'],
    ]);
    expect(Object.keys(inheritedEnvironment(base, ['*']))).toEqual(Object.keys(base));
  });
});
