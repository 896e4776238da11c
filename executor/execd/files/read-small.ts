import { constants } from 'node:fs';
import { Want } from './access';
import type { Walk } from './walk';

/**
 * Text of a small file of the sandbox; empty when there is none, when it may not be read, or when it is none of regular size.
 *
 * @param maxBytes what is more is not read
 */
export async function readSmallFile(walk: Walk, path: string, maxBytes: number): Promise<string> {
  try {
    const { entry, stats } = await walk.require(path);
    if (!stats.isFile()) {
      return '';
    }
    walk.check(stats, Want.read, path);
    const file = await walk.reopen(entry, constants.O_RDONLY);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(maxBytes, Math.max(stats.size, 4096))), { position: 0 });
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}
