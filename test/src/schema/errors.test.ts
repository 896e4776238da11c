import { ERROR_CODES, isSandboxError, joinProblems, problem, SandboxError, showValue } from '../../../src/schema/errors';

describe('SandboxError', () => {
  test('is recognised by its mark, also when another copy of the package made it', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('cdk8s-sandboxes.SandboxError')]: true });
    expect([new SandboxError('TASK_INVALID'), foreign, new Error('x'), undefined, 'TASK_INVALID'].map(isSandboxError)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('keeps code, details and cause, and has the sentence of its code when it says nothing else', () => {
    const cause = new Error('why');
    const error = new SandboxError('TASK_INVALID', undefined, { details: { slot: 3 }, cause });
    expect(error).toMatchObject({ code: 'TASK_INVALID', details: { slot: 3 }, cause, message: ERROR_CODES.TASK_INVALID.sentence });
  });
});

describe('messages', () => {
  test.each<[string, unknown, string]>([
    ['text in single quotes', 'a', "'a'"],
    ['long text cut at 200 characters', 'x'.repeat(201), `'${'x'.repeat(200)}…'`],
    ['numbers as they are', 1.5, '1.5'],
    ['null by name', null, 'null'],
    ['what is missing as nothing', undefined, 'nothing'],
    ['lists by length, not by content', ['secret'], 'a list of 1 item'],
    ['objects by kind, not by content', { password: 'secret' }, 'an object'],
    ['functions by kind', () => 1, 'a function'],
  ])('shows %s', (_title, value, want) => {
    expect(showValue(value)).toBe(want);
  });

  test('one problem has the form subject, path, expected, got, fix', () => {
    expect(problem("SandboxPool 'web/warm'", 'bufferMin', 'at most bufferMax (4 pods)', '10', 'lower bufferMin or raise bufferMax')).toBe(
      "SandboxPool 'web/warm': bufferMin: expected at most bufferMax (4 pods), got 10; lower bufferMin or raise bufferMax",
    );
  });

  test('several problems are counted and listed', () => {
    const missing = { path: 'a.b', expected: 'text', got: 'nothing' };
    expect(joinProblems('server settings', [missing])).toBe('server settings: a.b: expected text, got nothing');
    expect(joinProblems('server settings', [missing, { path: '', expected: 'an object', got: '3' }])).toBe(
      'server settings: 2 problems: a.b: expected text, got nothing; expected an object, got 3',
    );
  });
});
