import { Refusal } from '../refusal';

/**
 * What a caller is told of an error: by the path that he has sent, never by one of ours.
 *
 * @param path as it was asked for
 */
export function toFileRefusal(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === undefined || error instanceof Refusal) {
    return error;
  }
  const message = `${path.slice(0, 1000)}: expected to change or read it, got ${code}`;
  if (code === 'ENOENT') {
    return new Refusal(404, 'FILE_NOT_FOUND', message);
  }
  if (code === 'ENAMETOOLONG' || code === 'EISDIR' || code === 'ENOTDIR' || code === 'EINVAL') {
    return new Refusal(400, 'UNKNOWN', message);
  }
  return new Refusal(code === 'EEXIST' || code === 'ENOTEMPTY' ? 409 : 500, 'RUNTIME_ERROR', message);
}

/** Code of an error of the system, such as ENOENT; undefined for other errors. */
export const systemCode = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'syscall' in error && 'code' in error ? String(error.code) : undefined;

/** Does something with one path of a request; errors name that path. */
export async function withPath<T>(path: string, work: (path: string) => Promise<T>): Promise<T> {
  try {
    return await work(path);
  } catch (error) {
    throw toFileRefusal(error, path);
  }
}
