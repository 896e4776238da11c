import type * as z from 'zod/mini';
import { type FileInfo, MAX_EXECD_PATHS, moveRequest, permissionsRequest, replaceRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { type Call, countOf, readJson, requireQuery } from '../calls';
import { badBody, badQuery, Refusal } from '../refusal';
import type { Route, RouteTable } from '../router';
import type { OpenSandbox, Sandbox } from '../sandbox';
import { sendPieces } from '../send-pieces';
import { changePermissions, deleteDirectories, deleteFiles, makeDirectories, moveFiles, replaceTexts } from './changes';
import { sendFile } from './download';
import { expandPath } from './expand-path';
import { toFileRefusal, withPath } from './failures';
import { toFileInfo } from './file-info';
import { compileGlob } from './glob';
import { entriesOf } from './tree';
import { receiveFiles } from './upload';
import { mayBecomeOthers, Users } from './users';
import { Walk } from './walk';

/** Answers a call within a walk of the sandbox. */
type FileRoute = (call: Call, walk: Walk) => Promise<void>;

/**
 * Files and directories; the same routes below `/v1/filesystem/{uid}/{gid}` with the rights of that user.
 *
 * @param scratch directory of ours, for what has no place yet
 * @param assertOpen throws what is to be answered from now on, also amid a call
 */
export function fileRoutes(sandbox: Sandbox, scratch: string, assertOpen: () => void): RouteTable {
  const table: Readonly<Record<string, Readonly<Record<string, FileRoute>>>> = {
    '/files': { DELETE: done(({ query }, walk) => deleteFiles(walk, query.getAll('path'))) },
    '/files/info': { GET: sendInfo },
    '/files/permissions': { POST: done(async (call, walk) => changePermissions(walk, await readPaths(call, permissionsRequest))) },
    '/files/mv': { POST: done(async (call, walk) => moveFiles(walk, await readPaths(call, moveRequest))) },
    '/files/search': { GET: search },
    '/files/replace': {
      POST: async (call, walk) => {
        const counts = await replaceTexts(walk, await readPaths(call, replaceRequest), scratch);
        if (call.query.get('verbose') === 'true') {
          sendJson(call.response, Object.fromEntries([...counts].map(([path, replacedCount]) => [path, { replacedCount }])));
        } else {
          sendEmpty(call.response);
        }
      },
    },
    '/files/upload': { POST: done(({ request }, walk) => receiveFiles(walk, request, scratch)) },
    '/files/download': { GET: sendFile },
    '/directories': {
      POST: done(async (call, walk) => makeDirectories(walk, await readPaths(call, permissionsRequest))),
      DELETE: done(({ query }, walk) => deleteDirectories(walk, query.getAll('path'))),
    },
    '/directories/list': { GET: listDirectory },
  };
  const plain = mapRoutes(table, '', (route) => within(sandbox, assertOpen, route));
  const asUser = mapRoutes(table, '/v1/filesystem/{uid}/{gid}', (route) => (call) => within(sandbox, assertOpen, route, [idOf(call, 'uid'), idOf(call, 'gid')])(call));
  return { ...plain, ...asUser };
}

const mapRoutes = (table: Readonly<Record<string, Readonly<Record<string, FileRoute>>>>, front: string, toRoute: (route: FileRoute) => Route): RouteTable =>
  Object.fromEntries(
    Object.entries(table).map(([path, methods]) => [front + path, Object.fromEntries(Object.entries(methods).map(([method, route]) => [method, toRoute(route)]))]),
  );

/** Runs a route on the sandbox, and closes all that it has opened. */
const within =
  (sandbox: Sandbox, assertOpen: () => void, route: FileRoute, user?: readonly [uid: number, gid: number]): Route =>
  async (call) => {
    const opened = sandbox.open();
    try {
      const asMain = async (walk: Walk) => {
        await (user === undefined ? route(call, walk) : Walk.within(await asUser(walk, opened, user), (userWalk) => route(call, userWalk), assertOpen));
      };
      await Walk.within(opened, asMain, assertOpen);
    } catch (error) {
      throw toFileRefusal(error, 'path');
    } finally {
      opened.close();
    }
  };

/** The sandbox with the rights of one of its users and groups; only who could become him, or is in that group, may ask for that. */
async function asUser(walk: Walk, opened: OpenSandbox, [uid, gid]: readonly [uid: number, gid: number]): Promise<OpenSandbox> {
  const { credentials } = opened;
  if (!mayBecomeOthers(credentials)) {
    if (uid !== credentials.uid) {
      throw badQuery({ path: 'uid', expected: `${credentials.uid}, the user of the sandbox, who may not become another`, got: String(uid) });
    }
    if (![credentials.gid, ...credentials.groups].includes(gid)) {
      throw badQuery({ path: 'gid', expected: 'a group of the user of the sandbox, who may not enter others', got: String(gid) });
    }
  }
  const groups = uid === credentials.uid ? credentials.groups : ((await Users.read(walk)).find(uid)?.groups ?? []);
  return { ...opened, isForeign: true, credentials: { ...credentials, uid, gid, groups } };
}

/** Reads a body that names paths. @throws Refusal of status 400, also for more paths than one request may name */
async function readPaths<S extends z.ZodMiniType<object>>(call: Call, schema: S): Promise<z.output<S>> {
  const body = await readJson(call, schema);
  const count = Object.keys(body).length;
  if (count > MAX_EXECD_PATHS) {
    throw badBody({ path: 'body', expected: `at most ${MAX_EXECD_PATHS} paths`, got: String(count) });
  }
  return body;
}

function idOf({ params }: Call, name: string): number {
  const text = params[name] ?? '';
  if (!/^\d{1,9}$/.test(text)) {
    throw badQuery({ path: name, expected: 'an id', got: `'${text.slice(0, 20)}'` });
  }
  return Number(text);
}

const done =
  (work: FileRoute): FileRoute =>
  async (call, walk) => {
    await work(call, walk);
    sendEmpty(call.response);
  };

async function sendInfo({ query, response }: Call, walk: Walk): Promise<void> {
  const users = await Users.read(walk);
  const infos: [string, FileInfo][] = [];
  for (const asked of query.getAll('path')) {
    infos.push([
      asked,
      await withPath(asked, async () => {
        const { path, stats } = await walk.require(await expandPath(walk, asked), { followsLast: false });
        return toFileInfo(path, stats, users);
      }),
    ]);
  }
  sendJson(response, Object.fromEntries(infos));
}

async function search({ query, response }: Call, walk: Walk): Promise<void> {
  const asked = requireQuery(query, 'path');
  const isFit = compileGlob(query.get('pattern') || '**');
  const { path, entry, stats } = await walk.require(await expandPath(walk, asked));
  const users = await Users.read(walk);
  await sendList(response, async function* () {
    if (!stats.isDirectory()) {
      if (isFit(path.slice(path.lastIndexOf('/') + 1))) yield toFileInfo(path, stats, users);
      return;
    }
    for await (const found of entriesOf(walk, { handle: entry, stats }, Infinity)) {
      if (response.destroyed) return; // also where nothing fits, and nothing is sent
      if (!found.stats.isDirectory() && isFit(found.path)) yield toFileInfo(`${path === '/' ? '' : path}/${found.path}`, found.stats, users);
    }
  });
}

async function listDirectory({ query, response }: Call, walk: Walk): Promise<void> {
  const asked = requireQuery(query, 'path');
  const depth = countOf(query, 'depth', 1);
  const { path, entry, stats } = await walk.require(await expandPath(walk, asked), { followsLast: false });
  if (!stats.isDirectory()) {
    throw new Refusal(400, 'UNKNOWN', `${asked}: expected a directory, got something else`);
  }
  const users = await Users.read(walk);
  await sendList(response, async function* () {
    for await (const found of entriesOf(walk, { handle: entry, stats }, depth)) {
      if (response.destroyed) return;
      yield toFileInfo(`${path === '/' ? '' : path}/${found.path}`, found.stats, users);
    }
  });
}

/** Characters of a list that are gathered before they leave. */
const GATHERED = 16_384;

/** Sends a list as it is found, as fast as its reader takes it; stops when he is gone. */
async function sendList(response: Call['response'], items: () => AsyncIterable<FileInfo>): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  await sendPieces(response, listText(items()));
}

async function* listText(items: AsyncIterable<FileInfo>): AsyncGenerator<string> {
  let text = '[';
  let separator = '';
  for await (const item of items) {
    text += separator + JSON.stringify(item);
    separator = ',';
    if (text.length > GATHERED) {
      yield text;
      text = '';
    }
  }
  yield `${text}]`;
}
