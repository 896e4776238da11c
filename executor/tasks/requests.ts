import { executorTask, type ExecutorTaskRequest } from '../../src/schema/executor-api';
import { joinProblems, type Problem, SandboxError, showKind } from '../../src/schema/errors';
import { joinPath, MAX_PROBLEMS, parseContract } from '../contract';

/**
 * Reads the body of POST /setTasks: a JSON array of tasks, nothing else (rule 15).
 *
 * @throws SandboxError TASK_INVALID with every problem
 */
export function parseTasks(body: Uint8Array): readonly ExecutorTaskRequest[] {
  const value = parseJson(body);
  if (!Array.isArray(value)) {
    throw invalid('InvalidBody', [{ path: '', expected: 'a list of tasks', got: showKind(value), fix: 'send [] to remove all' }]);
  }
  const tasks: ExecutorTaskRequest[] = [];
  const problems: Problem[] = [];
  const doubles: Problem[] = [];
  const names = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const path = `[${index}]`;
    const { task, problems: found } = parseOne(entry, path);
    problems.push(...found);
    if (task !== undefined) {
      tasks.push(task);
      doubles.push(...(names.has(task.name) ? [{ path: `${path}.name`, expected: 'a name once', got: `'${task.name}' again` }] : []));
      names.add(task.name);
    }
    if (problems.length + doubles.length >= MAX_PROBLEMS) {
      break;
    }
  }
  if (problems.length > 0) {
    throw invalid('InvalidBody', problems);
  }
  if (doubles.length > 0) {
    throw invalid('DuplicateName', doubles);
  }
  return tasks;
}

/**
 * Reads the body of POST /tasks: one task.
 *
 * @throws SandboxError TASK_INVALID with every problem
 */
export function parseTask(body: Uint8Array): ExecutorTaskRequest {
  const { task, problems } = parseOne(parseJson(body), '');
  if (task === undefined) {
    throw invalid('InvalidBody', problems);
  }
  return task;
}

/**
 * Reads a body that has nothing to say: `{}` or no body at all.
 *
 * @throws SandboxError TASK_INVALID for anything else
 */
export function parseEmpty(body: Uint8Array): void {
  const value = body.length === 0 ? {} : parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length > 0) {
    throw invalid('InvalidBody', [{ path: '', expected: 'an empty object', got: showKind(value) }]);
  }
}

/**
 * Reads a query parameter that is a whole number.
 *
 * @throws SandboxError TASK_INVALID when it is none from 0 to `max`
 */
export function parseCount(name: string, text: string | null, fallback: number, max: number): number {
  const value = text === null ? fallback : /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= 0 && value <= max) {
    return value;
  }
  throw invalid('InvalidQuery', [{ path: name, expected: `a whole number from 0 to ${max}`, got: `'${text ?? ''}'` }]);
}

/** An error with status 400. */
export function invalid(reason: string, problems: readonly Problem[]): SandboxError {
  return new SandboxError('TASK_INVALID', joinProblems('request', problems), { details: { reason } });
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    // The parser's own message quotes the body, which may hold secrets.
    throw invalid('InvalidBody', [{ path: '', expected: 'JSON in UTF-8', got: `${body.length} bytes that are none` }]);
  }
}

function parseOne(value: unknown, path: string): { readonly task?: ExecutorTaskRequest; readonly problems: readonly Problem[] } {
  if (typeof value === 'object' && value !== null && 'podTemplateSpec' in value) {
    return { problems: [{ path: joinPath(path, 'podTemplateSpec'), expected: 'no container task', got: 'one', fix: 'use process' }] };
  }
  const parsed = parseContract(executorTask(), value, path, 'a task');
  if (!parsed.ok) {
    return { problems: parsed.problems };
  }
  const { name, uid, process } = parsed.value;
  if ((process.command ?? []).length + (process.args ?? []).length === 0) {
    return { problems: [{ path: joinPath(path, 'process.command'), expected: 'a program', got: 'nothing' }] };
  }
  return { task: { name, uid, process }, problems: [] };
}
