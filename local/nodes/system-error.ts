import { isNativeError } from 'node:util/types';

/** True for an error of the operating system with this code, such as `ENOENT`. */
export function isErrorWithCode(error: unknown, code: string): boolean {
  return isNativeError(error) && 'code' in error && error.code === code;
}
