// The only hand-edited configuration of this project: every other configuration file is written from here by `npx projen`.
import { JsonFile, TaskShell, TextFile, javascript, typescript } from 'projen';

/** Every script and test runs on this Node, through the npm package `node`; the machine's own may be older. */
const NODE_VERSION = '24.21.0';

/** Composite TypeScript projects: room -> rooms it may import. A wrong import does not compile. */
const ROOMS: Record<string, { references: string[]; exclude?: string[] }> = {
  'src/schema': { references: [] },
  'src/program': { references: ['src/schema'] },
  src: { references: ['src/schema'], exclude: ['schema', 'program'] },
  'operator/kube': { references: ['src/schema', 'src/program'] },
  operator: { references: ['operator/kube', 'src/schema', 'src/program'], exclude: ['kube'] },
  executor: { references: ['src/schema', 'src/program'] },
  server: { references: ['operator/kube', 'src/schema', 'src/program'] },
  local: { references: ['operator', 'operator/kube', 'src/schema', 'src/program'] },
  images: { references: ['local', 'src/schema'] },
};

/** Program name -> entry file; each becomes one bundled file in lib/bin. */
const PROGRAMS: Record<string, string> = {
  'sandbox-operator': 'operator/main.ts',
  'sandbox-executor': 'executor/main.ts',
  'sandbox-server': 'server/main.ts',
  sandboxes: 'local/main.ts',
};

const project = new typescript.TypeScriptProject({
  name: 'cdk8s-sandboxes',
  description: 'Sandbox fleets on Kubernetes as cdk8s constructs, with the operator and executor that make them true',
  authorName: 'cdk8s-sandboxes maintainers',
  defaultReleaseBranch: 'main',
  license: 'Apache-2.0',
  keywords: ['cdk8s', 'kubernetes', 'sandbox', 'opensandbox', 'operator'],
  packageManager: javascript.NodePackageManager.NPM,
  minNodeVersion: '20.0.0', // the construct library runs on the user's Node; the programs check for 22.19 themselves
  entrypoint: 'lib/src/index.js',
  entrypointTypes: 'lib/src/index.d.ts',
  bin: Object.fromEntries(Object.keys(PROGRAMS).map((name) => [name, `lib/bin/${name}.js`])),
  srcdir: 'src',
  libdir: 'lib',
  testdir: 'test',
  projenrcTs: true,
  runner: typescript.TypeScriptRunner.nodejs(), // Node 24 strips types itself
  sampleCode: false,
  disableTsconfig: true, // our own, one for each room, below
  eslint: false, // Oxlint, below
  jest: false, // a configuration of our own, below: tests span several rooms
  github: false,
  depsUpgrade: false,
  release: false,
  package: false,
  npmignoreEnabled: false,
  // For tests that read sources by the compiler's JavaScript API, which TypeScript 7 has not.
  typescriptVersion: 'npm:@typescript/typescript6@6.0.2',
  allowScripts: [`node@${NODE_VERSION}`, '@swc/core', 'esbuild'],
  peerDeps: ['cdk8s@^2.70.0', 'constructs@^10.4.0'],
  peerDependencyOptions: { pinnedDevDependency: false },
  deps: [
    'cdk8s-plus-28@^2.5.6', // workloads and roles of SandboxRuntime; its pods are accepted as input
    'zod@^4.6.7', // the one source of every schema
  ],
  devDeps: [
    `node@${NODE_VERSION}`,
    'typescript7@npm:typescript@7.0.2', // compiles and checks everything in a quarter of the time of 5.9
    'cdk8s@2.70.106',
    'constructs@10.8.1',
    'cdk8s-cli@2.207.60', // `cdk8s synth` and `cdk8s import` in examples and tests
    '@kubernetes/client-node@2.0.1', // kubeconfig, credentials, types; exact: lessons K2
    'undici@8.12.4', // transport of the operator; exact, one copy: lessons K3
    'hono@^4.13.19', // HTTP of health endpoints and embedded API
    '@hono/node-server@^2.1.8', // serves hono applications on node:http
    'pino@^10.4.0', // logs as JSON lines
    'prom-client@^15.1.3', // metrics
    'jose@^6.2.17', // signed requests to executors
    'smol-toml@^1.9.1', // configuration file of the server
    'commander@^15.1.0', // command lines
    'listr2@^11.4.0', // progress of `sandboxes`
    'ws@^8.23.0', // web sockets of `kubectl exec` in the embedded API; client-node brings it anyway
    'yaml@^2.9.1', // reads manifests and the server's template, writes kubeconfigs
    'ajv-formats@^3.0.1', // forms of texts, such as uri and ipv6, in custom resources of the embedded API
    '@marcbachmann/cel-js@^8.0.0', // CEL rules of CRDs in the embedded API
    'esbuild@^0.28.2', // one bundled file for each program
    'jest@^30.5.2',
    '@jest/test-sequencer@^30.5.2',
    '@types/jest@^30',
    // Compiles tests in milliseconds; types are checked by tsc. Exact: of later releases the registry lacks some platforms' binaries, and
    // `npm ci` then refuses the lock file.
    '@swc/core@1.16.18',
    '@swc/jest@^0.2.39',
    'fast-check@^4.10.2', // property tests
    '@alibaba-group/opensandbox@0.1.11', // the public SDK, which tests use unchanged; exact, since our reference describes this one. It brings an undici of its own.
    // Exact: of later releases the registry lacks some platforms' binaries, as of @swc/core above.
    'oxlint@1.89.0',
    'oxlint-tsgolint@7.0.2004', // its rules by types
    '@types/node@^24',
  ],
  gitignore: ['/lib/*', '!/lib/README.md', 'dist/', '.cache/', '/examples/*/imports/', '/faults-*.json'],
});
// projen ignores the whole folder, and git then looks at nothing in it.
project.gitignore.removePatterns('/lib');
project.gitignore.exclude('/test/.tmp/'); // after projen's own line for the folder of tests, which takes it back
project.npmrc.addConfig('prefer-offline', 'true'); // `npm ci` asks the registry nothing about packages that are in npm's cache
for (const path of ['tsconfig.dev.json', 'projenrc/tsconfig.json']) project.tryRemoveFile(path);

project.package.addField('exports', {
  '.': { types: './lib/src/index.d.ts', default: './lib/src/index.js' },
  './package.json': './package.json',
});
project.package.addField('files', ['lib/src', 'lib/bin', 'lib/README.md']);
project.package.addField('overrides', {
  undici: '$undici', // one copy in the tree
  '@alibaba-group/opensandbox': { undici: '^7.28.0' }, // but for the SDK, which runs on what its users have
  'unrs-resolver': '1.12.2', // of Jest; pinned for the same reason as @swc/core
});

// --- TypeScript: one composite project a room, all with one rootDir and one outDir.
const compilerOptions = {
  target: 'ES2023',
  lib: ['ES2023'],
  module: 'node20',
  moduleResolution: 'node16',
  types: ['node'],
  strict: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  exactOptionalPropertyTypes: false,
  useUnknownInCatchVariables: true,
  esModuleInterop: true,
  isolatedModules: true,
  resolveJsonModule: true,
  skipLibCheck: true,
  declaration: true,
};
new JsonFile(project, 'tsconfig.base.json', { obj: { compilerOptions } });
for (const [room, { references, exclude }] of Object.entries(ROOMS)) {
  const up = room.split('/').map(() => '..').join('/');
  new JsonFile(project, `${room}/tsconfig.json`, {
    obj: {
      extends: `${up}/tsconfig.base.json`,
      compilerOptions: {
        composite: true,
        rootDir: up,
        outDir: `${up}/lib`,
        tsBuildInfoFile: `${up}/lib/.build/${room.replace('/', '-')}.tsbuildinfo`,
      },
      include: ['**/*.ts'],
      ...(exclude && { exclude }),
      references: references.map((path) => ({ path: `${up}/${path}` })),
    },
  });
}
new JsonFile(project, 'tsconfig.json', {
  obj: { files: [], references: Object.keys(ROOMS).map((path) => ({ path })) },
});
new JsonFile(project, 'tsconfig.check.json', {
  // Tests, examples and configuration are checked without emitting.
  obj: {
    extends: './tsconfig.base.json',
    compilerOptions: {
      noEmit: true,
      rootDir: '.',
      types: ['node', 'jest'],
      allowImportingTsExtensions: true,
    },
    include: ['test/**/*.ts', 'examples/**/*.ts', '.projenrc.ts'],
    exclude: ['**/node_modules', 'examples/*/imports', 'test/.tmp'],
    references: Object.keys(ROOMS).map((path) => ({ path })),
  },
});
// Oxlint and editors take the nearest file of this name.
for (const [folder, exclude] of [['test', ['.tmp']], ['examples', ['*/imports']]] as const) {
  new JsonFile(project, `${folder}/tsconfig.json`, { obj: { extends: '../tsconfig.check.json', include: ['**/*.ts'], exclude } });
}

// --- Jest: all tests once, and those that any cluster must pass a second time, on real Kubernetes.
new TextFile(project, 'jest.config.mjs', {
  lines: `// ${project.projenCommand}: written from .projenrc.ts, to be edited there.
import { availableParallelism } from 'node:os';

const tests = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  modulePathIgnorePatterns: ['<rootDir>/test/.tmp/'],
  transform: {
    '^.+\\\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' }, sourceMaps: 'inline' },
    ],
  },
  clearMocks: true,
};

export default {
  testTimeout: 120000,
  testSequencer: '<rootDir>/test/longest-first.ts',
  maxWorkers: 2 * availableParallelism() + 1, // most tests wait for processes; half of the workers, rounded up, for the real cluster
  workerGracefulExitTimeout: 10000, // half a second is not enough for a worker to end where two cores are shared by all of them
  projects: [
    {
      ...tests,
      displayName: 'embedded',
      testMatch: ['**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/kubernetes/'],
      globals: { CLUSTER: 'embedded' },
    },
    {
      ...tests,
      displayName: 'kubernetes',
      testMatch: ['<rootDir>/test/acceptance/*.test.ts', '<rootDir>/test/kubernetes/**/*.test.ts'],
      globals: { CLUSTER: 'kubernetes' },
      // One cluster for all files: it takes much longer to start than an embedded one.
      globalSetup: '<rootDir>/test/kubernetes/start.ts',
      globalTeardown: '<rootDir>/test/kubernetes/stop.ts',
      setupFilesAfterEnv: ['<rootDir>/test/kubernetes/patience.ts'],
    },
  ],
};
`.split('\n'),
});

// --- Oxlint: its rules by types run in TypeScript's own compiler, for a fifth of ESLint's time.
const error = (...rules: string[]): Record<string, string> => Object.fromEntries(rules.map((rule) => [rule, 'error']));
const only = (files: string[], group: string[], message: string) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] } });
new JsonFile(project, '.oxlintrc.json', {
  allowComments: true, // projen's mark, which Oxlint would refuse as a key
  obj: {
    plugins: ['typescript', 'import'],
    categories: { correctness: 'off' }, // each rule is named below
    options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
    ignorePatterns: ['lib/**', '**/dist/**', 'examples/*/imports/**', 'test/.tmp/**'],
    rules: {
      ...error('eqeqeq', 'no-array-constructor', 'no-unused-expressions', 'no-useless-constructor', 'no-var', 'prefer-const', 'prefer-rest-params', 'prefer-spread'),
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      ...error('import/no-cycle', 'import/no-default-export'),
      ...error('typescript/no-floating-promises', 'typescript/switch-exhaustiveness-check'),
      'typescript/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      'typescript/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'typescript/ban-ts-comment': ['error', { minimumDescriptionLength: 10 }],
      ...error(
        'typescript/no-duplicate-enum-values',
        'typescript/no-empty-object-type',
        'typescript/no-explicit-any',
        'typescript/no-extra-non-null-assertion',
        'typescript/no-misused-new',
        'typescript/no-namespace',
        'typescript/no-non-null-asserted-nullish-coalescing',
        'typescript/no-non-null-asserted-optional-chain',
        'typescript/no-non-null-assertion',
        'typescript/no-require-imports',
        'typescript/no-this-alias',
        'typescript/no-unnecessary-type-constraint',
        'typescript/no-unsafe-declaration-merging',
        'typescript/no-unsafe-function-type',
        'typescript/no-wrapper-object-types',
        'typescript/prefer-as-const',
        'typescript/prefer-literal-enum-member',
        'typescript/prefer-namespace-keyword',
        'typescript/triple-slash-reference',
        'typescript/unified-signatures',
      ),
    },
    overrides: [
      only(['src/*.ts'], ['**/operator/**', '**/executor/**', '**/local/**', '**/program/**'], 'constructs reach only src/schema'),
      only(['operator/**/*.ts', 'executor/**/*.ts', 'server/**/*.ts'], ['cdk8s', 'cdk8s-plus-28', 'constructs'], 'programs know the contract in src/schema, not the constructs'),
      { files: ['*.config.mjs', 'test/longest-first.ts', 'test/kubernetes/start.ts', 'test/kubernetes/stop.ts'], rules: { 'import/no-default-export': 'off' } },
    ],
  },
});

// --- Tasks
/** By its path: two packages bring a `tsc`. */
const TSC = 'node node_modules/typescript7/bin/tsc';
// projen's own shell takes a command that a signal has killed for one that went well.
project.tasks.shell = TaskShell.system();
/** First lines of each program: what needs a newer Node must not fail somewhere inside a library. */
const BANNER = [
  '#!/usr/bin/env node',
  "const [major, minor] = process.versions.node.split('.').map(Number);",
  `if (major < 22 || (major === 22 && minor < 19)) {`,
  "  console.error('node: expected version 22.19 or later, got ' + process.versions.node + '; install it, or add the npm package node@24 to your app and use npx');",
  '  process.exit(1);',
  '}',
].join('\n');
const programs = Object.entries(PROGRAMS).map(([name, entry]) => `${name}=${entry}`).join(' ');
const bundle = project.addTask('bundle', {
  description: 'Bundle each program into one file in lib/bin',
  exec:
    `esbuild ${programs} --bundle --platform=node --target=node22 --format=cjs --outdir=lib/bin ` +
    // Text that is not there is neither read at each start nor kept in memory, twice 5 MB of it in the operator; names stay, for stack traces.
    '--minify-whitespace --minify-syntax --line-limit=200 ' +
    `--banner:js="${BANNER}" --legal-comments=linked --log-level=warning && chmod +x lib/bin/*.js`,
});
project.defaultTask?.reset('node --disable-warning=MODULE_TYPELESS_PACKAGE_JSON .projenrc.ts'); // `check` checks its types
project.watchTask.reset(`${TSC} --build --watch`);
project.compileTask.reset(`${TSC} --build`);
project.compileTask.spawn(bundle);

const LINT = 'oxlint';
const CHECK = `${TSC} -p tsconfig.check.json`;
const BUNDLE_CLUSTER = 'esbuild test/cluster/cli.ts --bundle --platform=node --target=node22 --outfile=lib/test/cluster.js --log-level=warning';
project.addTask('lint', { description: 'Oxlint; every rule is an error', exec: LINT });
project.addTask('check', { description: 'Type-check tests and examples without emitting', exec: CHECK });
project.addTask('cluster', {
  description: 'Real Kubernetes, built from Go modules, on addresses of this machine alone: build, up, load, status, down',
  steps: [{ exec: BUNDLE_CLUSTER }, { exec: 'node lib/test/cluster.js', receiveArgs: true }],
});
project.addTask('bench', {
  description: 'Measure the operator on real Kubernetes with simulated nodes, beside a bare loop of the same writes: --only batch-100,burst-*, --rounds 5, --json FILE',
  steps: [
    { exec: 'esbuild test/benchmarks/bench.ts --bundle --platform=node --target=node22 --outfile=lib/test/bench.js --log-level=warning' },
    { execArgs: ['node', 'lib/test/bench.js'], receiveArgs: true }, // without a shell: a command, and names with *, arrive as they are
  ],
});
project.addTask('bench-sdk', {
  description: 'Measure the public SDK against the lifecycle server, on the embedded cluster or a real node: --on embedded,node, --rounds 50, --way proxy, --json FILE',
  steps: [
    // Packages are loaded as they are: those of the constructs read files that lie beside them.
    { exec: 'esbuild test/benchmarks/sdk/sdk-bench.ts --bundle --packages=external --platform=node --target=node22 --outfile=lib/test/bench-sdk.js --log-level=warning' },
    { exec: 'node lib/test/bench-sdk.js', receiveArgs: true },
  ],
});
project.addTask('kill-operator', {
  description: 'Kill the operator 50 times amid deliveries on real Kubernetes with simulated nodes, and report double deliveries, lost batches and times',
  steps: [
    { exec: 'esbuild test/benchmarks/kill-operator.ts --bundle --platform=node --target=node22 --outfile=lib/test/kill-operator.js --log-level=warning' },
    { exec: 'node lib/test/kill-operator.js', receiveArgs: true },
  ],
});
project.addTask('faults', {
  description: 'Play histories of operations and faults against the operator: --seed 1 --steps 500, --seeds 200, --replay FILE, --real processes',
  steps: [
    { exec: 'esbuild test/faults/cli/cli.ts --bundle --platform=node --target=node22 --outfile=lib/test/faults.js --log-level=warning' },
    { exec: 'node lib/test/faults.js', receiveArgs: true },
  ],
});
const BUILD_IMAGES = 'node lib/images/main.js';
const images = project.addTask('images', { description: 'Build the container images, and load them into the test cluster when it runs with a node' });
images.exec(`${TSC} --build images`);
images.spawn(bundle);
images.exec(BUILD_IMAGES, { receiveArgs: true });
project.testTask.reset();
project.testTask.spawn(project.compileTask);
// The linter has one core to itself. Cluster and images come before the tests, whose processes would share the cores with Go's compiler, and several of which want the images.
project.testTask.exec(`${LINT} & ${CHECK} && ${BUNDLE_CLUSTER} && node lib/test/cluster.js build && ${BUILD_IMAGES} --only-build; built=$?; wait $! && exit $built`);
project.testTask.exec('jest', {
  receiveArgs: true,
  env: {
    NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
    NODE_COMPILE_CACHE: '$(echo $PWD/lib/test/compile-cache)', // tests start the same programs a hundred times: a fifth less processor time for these
  },
});

const quickstart = project.addTask('quickstart', {
  description: 'Synthesize examples/quickstart, deliver 100 sandboxes on the embedded cluster and run 100 tasks in them',
});
quickstart.exec(`${TSC} --build src operator executor server local`);
quickstart.spawn(bundle);
quickstart.exec('node lib/bin/sandboxes.js quickstart', { receiveArgs: true });

// Packing starts from a clean lib: deleted sources leave output behind.
project.addTask('clean', {
  description: 'Remove compiled output',
  exec: 'rm -rf lib/src lib/operator lib/executor lib/server lib/local lib/images lib/bin lib/test lib/.build',
});

new TextFile(project, '.ci/run', {
  executable: true,
  lines: ['#!/usr/bin/env bash', `# ${project.name}: exactly the test command of README.md.`, 'set -euo pipefail', 'npm ci && npm test', ''],
});

project.synth();
