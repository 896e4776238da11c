import { rename, unlink } from 'node:fs/promises';
import type { Permission } from '../../../src/schema/execd-api';
import { notNow, Refusal } from '../refusal';
import { Want } from './access';
import { expandPath } from './expand-path';
import { systemCode, withPath } from './failures';
import { applyPermission, makeDirectory, toWanted } from './permission';
import { stageReplacement } from './replace';
import type { StagedFile } from './staged-file';
import { removeTree, requireRemovable } from './tree';
import { Users } from './users';
import { type Found, inside, type Walk, type WalkOptions } from './walk';

/** Makes the directories that are missing on the way. */
const makeMissing = (walk: Walk): WalkOptions => ({ makeDirectory: (parent, stats, name) => makeDirectory(walk, parent, stats, name) });

/** Deletes files and links; a missing one is no error. @throws Refusal of status 400 for a directory, before anything is deleted */
export async function deleteFiles(walk: Walk, paths: readonly string[]): Promise<void> {
  const found = await findAll(walk, paths, { followsLast: false });
  for (const { path, stats } of found) {
    if (stats?.isDirectory() === true) {
      throw new Refusal(400, 'UNKNOWN', `${path}: expected a file, got a directory`);
    }
  }
  for (const { path, directory, directoryStats, name, stats } of found) {
    if (stats !== undefined) {
      requireRemovable(walk, directoryStats, stats, path);
      await withPath(path, () => unlink(inside(directory, name)).catch(ignoreMissing));
    }
  }
}

/** Deletes directories with all that is in them; a missing one is no error. @throws Refusal of status 400 for the root */
export async function deleteDirectories(walk: Walk, paths: readonly string[]): Promise<void> {
  const found = await findAll(walk, paths, { followsLast: false });
  if (found.some(({ name }) => name === '.')) {
    throw new Refusal(400, 'UNKNOWN', '/: expected a directory other than the root');
  }
  for (const { path, directory, directoryStats, name } of found) {
    await withPath(path, () => removeTree(walk, { handle: directory, stats: directoryStats }, name, path));
  }
}

/** Makes directories and those above them; one that is there stays as it is. */
export async function makeDirectories(walk: Walk, permissions: Readonly<Record<string, Permission>>): Promise<void> {
  const users = await Users.read(walk);
  const entries = Object.entries(permissions).map(([path, permission]) => ({ path, wanted: toWanted(permission, users) }));
  for (const { path, wanted } of entries) {
    await withPath(path, async () => {
      const target = await walk.find(await expandPath(walk, path), makeMissing(walk));
      if (target.stats?.isDirectory() === true) {
        return;
      }
      if (target.stats !== undefined) {
        throw new Refusal(400, 'UNKNOWN', `${path}: expected a directory or nothing, got something else`);
      }
      await makeDirectory(walk, target.directory, target.directoryStats, target.name);
      const made = await walk.enter({ handle: target.directory, stats: target.directoryStats }, target.name);
      if (made !== undefined) {
        await applyPermission(walk, made.handle, made.stats, wanted, path);
      }
    });
  }
}

/** Gives files and directories their permissions. */
export async function changePermissions(walk: Walk, permissions: Readonly<Record<string, Permission>>): Promise<void> {
  const users = await Users.read(walk);
  const entries = [];
  for (const [path, permission] of Object.entries(permissions)) {
    const wanted = toWanted(permission, users);
    entries.push({ path, wanted, target: await withPath(path, async () => walk.require(await expandPath(walk, path))) });
  }
  for (const { path, wanted, target } of entries) {
    await withPath(path, () => applyPermission(walk, target.entry, target.stats, wanted, path));
  }
}

/** Moves files and directories; a link moves itself. @throws Refusal of status 404 for a missing source, 409 where something is already, before anything is moved */
export async function moveFiles(walk: Walk, moves: readonly { readonly src: string; readonly dest: string }[]): Promise<void> {
  const planned = [];
  for (const { src, dest } of moves) {
    const source = await withPath(src, async () => walk.require(await expandPath(walk, src), { followsLast: false }));
    const target = await withPath(dest, async () => walk.find(await expandPath(walk, dest), { followsLast: false, ...makeMissing(walk) }));
    if (target.entry !== undefined) {
      throw notNow(`${dest}: expected nothing there, got a file or directory`);
    }
    requireRemovable(walk, source.directoryStats, source.stats, src);
    walk.check(target.directoryStats, Want.write | Want.search, dest);
    planned.push({ src, source, target });
  }
  for (const { src, source, target } of planned) {
    await withPath(src, () => rename(inside(source.directory, source.name), inside(target.directory, target.name)));
  }
}

/**
 * Replaces texts in files; all are written before the first gets its place.
 *
 * @param scratch directory of ours
 * @returns how often by path
 */
export async function replaceTexts(walk: Walk, requests: Readonly<Record<string, { readonly old: string; readonly new: string }>>, scratch: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const waiting: { readonly path: string; readonly staged: StagedFile }[] = [];
  try {
    for (const [path, texts] of Object.entries(requests)) {
      const { count, staged } = await withPath(path, async () => stageReplacement(walk, await walk.require(await expandPath(walk, path)), texts, scratch));
      counts.set(path, count);
      if (staged !== undefined) waiting.push({ path, staged });
    }
    for (const { path, staged } of waiting) {
      await withPath(path, () => staged.commit({}));
    }
  } finally {
    await Promise.all(waiting.map(({ staged }) => staged.discard().catch(() => undefined)));
  }
  return counts;
}

async function findAll(walk: Walk, paths: readonly string[], options: { readonly followsLast: boolean }): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const path of paths) {
    const one = await withPath(path, async () => walk.find(await expandPath(walk, path), options)).catch((error: unknown) => {
      if (error instanceof Refusal && error.status === 404) return undefined; // a directory on the way is missing, and so is all below it
      throw error;
    });
    if (one !== undefined) found.push(one);
  }
  return found;
}

const ignoreMissing = (error: unknown): void => {
  if (systemCode(error) !== 'ENOENT') throw error;
};
