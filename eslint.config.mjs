// npx projen: written from .projenrc.ts, to be edited there.
import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';

const only = (files, patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default tseslint.config(
  { ignores: ['lib/**', 'dist/**', '**/dist/**', 'examples/*/imports/**', 'node_modules/**', 'test/.tmp/**'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.lint.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ noWarnOnMultipleProjects: true })] },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off', // constructs do their work in the constructor
      '@typescript-eslint/no-dynamic-delete': 'off', // objects of unknown shape are patched key by key
      '@typescript-eslint/no-invalid-void-type': 'off',
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'use named exports' }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/schema/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.property.name=/^(refine|superRefine|transform|preprocess|pipe|catch)$/]',
          message: 'lost or bent in the CRD: write a rule() instead (src/schema/rules.ts)',
        },
      ],
    },
  },
  only(['src/*.ts'], [{ group: ['**/operator/**', '**/executor/**', '**/local/**', '**/program/**'], message: 'constructs reach only src/schema' }]),
  only(['operator/**/*.ts', 'executor/**/*.ts'], [
    { group: ['cdk8s', 'cdk8s-plus-28', 'constructs'], message: 'programs know the contract in src/schema, not the constructs' },
  ]),
  { files: ['.projenrc.ts', '*.config.mjs', 'test/longest-first.ts', 'test/kubernetes/start.ts', 'test/kubernetes/stop.ts'], rules: { 'import-x/no-default-export': 'off' } },
);
