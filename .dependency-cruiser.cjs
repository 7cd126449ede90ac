/** What each package may import: other packages of this repository, and npm packages. */
const ALLOWED = {
  core: { packages: [], npm: ['xstate', 'eventemitter3', '@opentelemetry/api'] },
  supervisor: { packages: ['core'], npm: ['xstate'] },
  'python-bridge': {
    packages: ['core', 'supervisor'],
    npm: ['xstate', 'valibot', '@grpc/grpc-js', '@grpc/proto-loader', '@opentelemetry/api'],
  },
  observer: { packages: ['core'], npm: ['xstate', 'elkjs', 'prom-client', 'ws'] },
  snakepit: { packages: ['core', 'supervisor', 'python-bridge', 'observer'], npm: ['commander'] },
};
const TESTS = '\\.test\\.ts$';
// Not published either, and what tests share may use what tests use.
const FIXTURES = '\\.fixture\\.ts$';

const arrows = Object.entries(ALLOWED).flatMap(([name, { packages, npm }]) => [
  {
    name: `${name}-imports-only-${packages.join('-') || 'itself'}`,
    comment: 'core <- supervisor <- python-bridge <- snakepit, and core <- observer',
    severity: 'error',
    from: { path: `^packages/${name}/src`, pathNot: TESTS },
    to: { path: '^packages/', pathNot: [name, ...packages].map((one) => `^packages/${one}/`) },
  },
  {
    name: `${name}-npm-packages`,
    comment: 'a new run-time dependency needs a decision record: what it saves, what it costs',
    severity: 'error',
    from: { path: `^packages/${name}/src`, pathNot: [TESTS, FIXTURES].flat() },
    to: { path: 'node_modules/', pathNot: npm.map((one) => `node_modules/${one}/`) },
  },
]);

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'no-circular',
      comment: 'modules that run may not need each other; types, which vanish, may name each other',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'a module that nobody imports is dead, unless it is an entry',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          TESTS,
          '\\.d\\.ts$',
          '/src/index\\.ts$',
          '^test/',
          '/(eslint|jest)\\.config\\.js$',
        ],
      },
      to: {},
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'machines-have-no-effects',
      comment: 'a statechart decides; what touches the world is injected',
      severity: 'error',
      from: { path: '\\.machine\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-deep-imports',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/[^/]+/src/',
        pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$'],
      },
    },
    {
      name: 'sources-do-not-import-tests',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: [TESTS, FIXTURES] },
      to: { path: [TESTS, '^test/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: {
      path: ['/dist/', '/\\.test-types/', '/ui/\\.types/', '^packages/python-bridge/priv/'],
    },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@snakepit/source', 'import', 'node', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
