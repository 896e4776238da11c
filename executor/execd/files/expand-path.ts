import type { Walk } from './walk';

/**
 * A path as its caller means it: a leading `~` is the home directory, `$NAME` and `${NAME}` are variables of the sandbox. A name that no variable has
 * stays as it stands, and so does the whole path where there is a file of that very name.
 */
export async function expandPath(walk: Walk, path: string): Promise<string> {
  const { env } = walk.sandbox;
  const fromHome = /^~(?=\/|$)/.test(path) && env['HOME'] !== undefined ? env['HOME'] + path.slice(1) : path;
  if (!fromHome.includes('$') || (await isThere(walk, fromHome))) {
    return fromHome;
  }
  return fromHome.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (all, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? all);
}

async function isThere(walk: Walk, path: string): Promise<boolean> {
  try {
    return (await walk.find(path, { followsLast: false })).entry !== undefined;
  } catch {
    return false;
  }
}
