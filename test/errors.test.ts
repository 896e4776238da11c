import { BATCH_CONDITION_TYPES, POOL_CONDITION_TYPES } from '../src/schema/conditions';
import { ERROR_CODES } from '../src/schema/errors';
import { LIFECYCLE_ERRORS } from '../src/schema/lifecycle-errors';
import { EXECD_CODES } from '../src/schema/execd-api';
import { TERMINATED_REASONS } from '../src/schema/executor-api';
import { readPage, tableRows } from './support/markdown';
import { filesOf } from './support/source-imports';
import { assignedTexts, callsOf, constantTexts, memberTexts } from './support/source-literals';

const page = readPage('docs/errors.md');
const OPERATOR = filesOf('operator/**/*.ts');
const EXECUTOR = filesOf('executor/**/*.ts');

/** First cells of the rows of a table, each row as one text, without doubles. */
const documented = (heading: string, columns: number) => unique(tableRows(page, heading).map((row) => row.slice(0, columns).join(' ')));
const unique = (texts: readonly string[]) => [...new Set(texts)].sort();
const texts = (values: readonly (string | undefined)[]) => values.filter((value) => value !== undefined);

test('the table of error codes is the one of the code', () => {
  const codes = Object.entries(ERROR_CODES).map(([code, { httpStatus = '–', retry, sentence }]) => [code, String(httpStatus), retry, sentence]);
  expect(tableRows(page, 'Error codes')).toEqual(codes);
});

test('the table of codes of the lifecycle API is the one of the code, and every code is used', () => {
  const codes = Object.entries(LIFECYCLE_ERRORS).map(([code, { httpStatus, sentence }]) => [code, String(httpStatus), sentence]);
  expect(tableRows(page, 'Lifecycle API')).toEqual(codes);
  const sources = filesOf('server/**/*.ts').map(readPage).join('');
  expect(Object.keys(LIFECYCLE_ERRORS).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
});

test('every condition of a batch is documented with each reason that the operator gives', () => {
  const given = [
    ...memberTexts('operator/batch/check.ts', 'Refusal', 'reason').map((reason) => `Accepted ${reason}`),
    ...memberTexts('operator/batch/status.ts', 'PoolWait', 'reason').map((reason) => `PoolAllocationPending ${reason}`),
    ...callsOf(['operator/batch/status.ts'], 'add').flatMap(([type, reason]) => (type === undefined || reason === undefined ? [] : [`${type} ${reason}`])),
    ...constantTexts('operator/pod-facts.ts', 'FAILING_REASONS').map((reason) => `PodFailed ${reason}`),
  ];
  const withReason = given.map((text) => text.split(' ')[0] ?? '');
  const without = BATCH_CONDITION_TYPES.filter((type) => !withReason.includes(type)).map((type) => `${type} –`);
  expect(documented('Conditions of a BatchSandbox', 2)).toEqual(unique([...given, ...without]));
});

test('every condition of a pool is documented with each reason that the operator gives', () => {
  const given = [
    ...assignedTexts(['operator/pool/status.ts'], 'reason').map((reason) => `Accepted ${reason}`),
    ...memberTexts('operator/pool/status.ts', 'ScaleBlock', 'reason').map((reason) => `ScaleBlocked ${reason}`),
  ];
  expect(documented('Conditions of a Pool', 2)).toEqual(unique(given));
  expect(documented('Conditions of a Pool', 1)).toEqual(unique(POOL_CONDITION_TYPES));
});

test('every event of the operator is documented', () => {
  const events = callsOf(OPERATOR, 'record').flatMap(([, type, reason]) => (type === undefined || reason === undefined ? [] : [`${type} ${reason}`]));
  expect(documented('Events', 2)).toEqual(unique(events));
});

test('every reason of a task is documented', () => {
  const waiting = assignedTexts(['executor/tasks/task.ts'], 'reason').map((reason) => `waiting ${reason}`);
  const unsent = assignedTexts(['operator/tasks/pod-conversation.ts'], 'reason').map((reason) => `– ${reason}`);
  expect(documented('Task reasons', 2)).toEqual(unique([...waiting, ...TERMINATED_REASONS.map((reason) => `terminated ${reason}`), ...unsent]));
});

test('every reason of an HTTP answer of the executor is documented', () => {
  const inDetails = assignedTexts(EXECUTOR.filter((file) => file !== 'executor/tasks/task.ts'), 'reason');
  const inCalls = [...callsOf(EXECUTOR, 'conflict').map(([reason]) => reason), ...callsOf(EXECUTOR, 'invalid').map(([reason]) => reason)];
  const inAnswers = callsOf(EXECUTOR, 'answerError').map(([, reason]) => reason);
  expect(documented('Executor answers', 1)).toEqual(unique([...inDetails, ...texts(inCalls), ...texts(inAnswers)]));
});

test('every code of the API of commands and files is documented', () => {
  expect(tableRows(page, 'Commands and files').map((row) => row.slice(0, 2))).toEqual(Object.entries(EXECD_CODES).map(([code, statuses]) => [code, statuses.join(', ')]));
});
