// npx projen: written from .projenrc.ts, to be edited there.
import { availableParallelism } from 'node:os';

const tests = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  modulePathIgnorePatterns: ['<rootDir>/test/.tmp/'],
  transform: {
    '^.+\\.ts$': [
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
