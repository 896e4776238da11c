// npx projen: written from .projenrc.ts, to be edited there.
import { availableParallelism } from 'node:os';

export default {
  ...{
    "testTimeout": 60000,
    "testSequencer": "<rootDir>/test/longest-first.ts",
    "projects": [
      {
        "testEnvironment": "node",
        "roots": [
          "<rootDir>/test"
        ],
        "modulePathIgnorePatterns": [
          "<rootDir>/test/.tmp/"
        ],
        "transform": {
          "^.+\\.ts$": [
            "@swc/jest",
            {
              "jsc": {
                "parser": {
                  "syntax": "typescript"
                },
                "target": "es2023"
              },
              "module": {
                "type": "commonjs"
              },
              "sourceMaps": "inline"
            }
          ]
        },
        "clearMocks": true,
        "displayName": "embedded",
        "testMatch": [
          "**/*.test.ts"
        ],
        "testPathIgnorePatterns": [
          "<rootDir>/test/kubernetes/"
        ],
        "globals": {
          "CLUSTER": "embedded"
        }
      },
      {
        "testEnvironment": "node",
        "roots": [
          "<rootDir>/test"
        ],
        "modulePathIgnorePatterns": [
          "<rootDir>/test/.tmp/"
        ],
        "transform": {
          "^.+\\.ts$": [
            "@swc/jest",
            {
              "jsc": {
                "parser": {
                  "syntax": "typescript"
                },
                "target": "es2023"
              },
              "module": {
                "type": "commonjs"
              },
              "sourceMaps": "inline"
            }
          ]
        },
        "clearMocks": true,
        "displayName": "kubernetes",
        "testMatch": [
          "<rootDir>/test/acceptance/*.test.ts",
          "<rootDir>/test/kubernetes/**/*.test.ts"
        ],
        "globals": {
          "CLUSTER": "kubernetes"
        },
        "globalSetup": "<rootDir>/test/kubernetes/start.ts",
        "globalTeardown": "<rootDir>/test/kubernetes/stop.ts",
        "setupFilesAfterEnv": [
          "<rootDir>/test/kubernetes/patience.ts"
        ]
      }
    ]
  },
  maxWorkers: Math.ceil(1.5 * availableParallelism()), // most tests wait for processes
};
