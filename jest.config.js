/** @type {import('jest').Config} */
export default {
  // Not in the temporary folder, which must be empty after a run.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testMatch: ['<rootDir>/packages/*/src/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  // Type tests are checked by tsc -b; they hold nothing that runs.
  testPathIgnorePatterns: ['/node_modules/', '\\.types\\.test\\.ts$'],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/', '<rootDir>/packages/[^/]+/priv/'],
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: '<rootDir>/test/environment.mjs',
  // Packages are tested from their sources: no build has to be up to date.
  testEnvironmentOptions: { customExportConditions: ['@snakepit/source', 'node', 'node-addons'] },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  coverageProvider: 'v8',
  coverageDirectory: 'coverage',
  coverageReporters: ['text', 'json-summary', 'lcov'],
  collectCoverageFrom: [
    'packages/*/src/**/*.ts',
    '!packages/*/src/**/*.test.ts',
    '!packages/*/src/gen/**',
  ],
};
