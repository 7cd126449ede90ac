/** @type {import('jest').Config} */
export default {
  // Not in the temporary folder, which must be empty after a run.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testMatch: ['<rootDir>/packages/*/{src,ui}/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  // Type tests are checked by tsc -b; they hold nothing that runs.
  testPathIgnorePatterns: ['/node_modules/', '\\.types\\.test\\.ts$'],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/', '<rootDir>/packages/[^/]+/priv/'],
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: '<rootDir>/test/environment.mjs',
  // A limit for what hangs, not a measure of speed: the machines are shared.
  testTimeout: 30_000,
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
  coverageReporters: ['text', 'json-summary', 'json', 'lcov'],
  coverageThreshold: {
    global: { lines: 95, statements: 95, functions: 95, branches: 90 },
    './packages/core/src/': { lines: 95, branches: 95 },
    './packages/supervisor/src/': { lines: 95, branches: 95 },
    './packages/observer/src/': { lines: 90, branches: 88, functions: 90 },
    // The page mostly runs in browsers: scripts/test/page-coverage.mjs adds what they say, and has its threshold.
    './packages/observer/ui/': {},
  },
  collectCoverageFrom: [
    'packages/*/src/**/*.ts',
    'packages/observer/ui/**/*.ts',
    '!packages/*/{src,ui}/**/*.test.ts',
    '!packages/*/{src,ui}/**/*.fixture.ts',
    '!packages/*/src/gen/**',
    // Types only, or nothing but exports: there is nothing in them to run.
    '!packages/*/src/index.ts',
    '!packages/core/src/process/process-info.ts',
    '!packages/observer/src/chart/chart-layout.ts',
    '!packages/observer/src/server/observed-system.ts',
    '!packages/observer/src/server/route.ts',
    '!packages/supervisor/src/administration.ts',
    '!packages/python-bridge/src/config/config.ts',
    '!packages/python-bridge/src/hosts/worker-host.ts',
    '!packages/python-bridge/src/pool/pool-services.ts',
    '!packages/python-bridge/src/worker/worker-services.ts',
    // Run by tests as programs of their own, where it is not seen.
    '!packages/snakepit/src/cli/main.ts',
  ],
};
