import type { IncomingMessage } from 'node:http';
import type { FileHandle } from 'node:fs/promises';
import { uploadMetadata, type UploadMetadata } from '../../../src/schema/execd-api';
import { joinProblems } from '../../../src/schema/errors';
import { parseContract } from '../../contract';
import { Refusal } from '../refusal';
import { expandPath } from './expand-path';
import { boundaryOf, readForm } from './multipart';
import { makeDirectory, toWanted, type WantedPermission } from './permission';
import { copyAll, openNameless, StagedFile, writeAll } from './staged-file';
import { Users } from './users';
import type { Walk } from './walk';

/** Most bytes of one part with metadata. */
const MOST_METADATA_BYTES = 64 * 1024;

/** Most files of one upload: each keeps some descriptors open until all are there. */
const MOST_FILES = 1_000;

/** A file that is written and waits for its place. */
interface Waiting {
  readonly staged: StagedFile;
  readonly wanted: WantedPermission;
}

/**
 * Takes the files of a form, as pairs of `metadata` and `file`: all are written before the first gets its place (E15). Parts come in any order; what
 * comes before its metadata goes to `scratch`.
 *
 * @param scratch directory of ours
 * @throws Refusal of status 400 for a form that is wrong, or as {@link Walk.find} and {@link StagedFile.open}; the error of the system
 */
export async function receiveFiles(walk: Walk, request: IncomingMessage, scratch: string): Promise<void> {
  const boundary = boundaryOf(request.headers['content-type']);
  const users = await Users.read(walk);
  const metadata: UploadMetadata[] = [];
  const early: FileHandle[] = [];
  const waiting: Waiting[] = [];
  try {
    for await (const { name, body } of readForm(request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, boundary)) {
      if (name === 'metadata') {
        metadata.push(await readMetadata(body));
        const content = early.shift();
        if (content !== undefined) {
          await place(walk, users, scratch, metadata.shift(), waiting, (file) => copyAll(content, file)).finally(() => content.close());
        }
      } else if (name === 'file') {
        if (metadata.length > 0) {
          await place(walk, users, scratch, metadata.shift(), waiting, (file) => writeBody(body, file));
        } else {
          early.push(await openNameless(scratch));
          await writeBody(body, early.at(-1));
        }
      }
      if (waiting.length + early.length + metadata.length > MOST_FILES) {
        throw new Refusal(400, 'INVALID_FILE', `form: expected at most ${MOST_FILES} files, got more`);
      }
    }
    if (metadata.length > 0 || early.length > 0 || waiting.length === 0) {
      throw new Refusal(400, 'INVALID_FILE', 'form: expected pairs of a part named metadata and one named file, got parts without the other, or none');
    }
    for (const { staged, wanted } of waiting) {
      await staged.commit(wanted);
    }
  } finally {
    await Promise.all([...early.map((file) => file.close()), ...waiting.map(({ staged }) => staged.discard().catch(() => undefined))]);
  }
}

async function place(
  walk: Walk,
  users: Users,
  scratch: string,
  metadata: UploadMetadata | undefined,
  waiting: Waiting[],
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  if (metadata === undefined) {
    return;
  }
  const wanted = toWanted(metadata, users);
  const target = await walk.find(await expandPath(walk, metadata.path), { makeDirectory: (parent, stats, name) => makeDirectory(walk, parent, stats, name) });
  const staged = await StagedFile.open(walk, target, scratch);
  waiting.push({ staged, wanted });
  await write(staged.handle);
  await staged.finish(wanted);
}

async function readMetadata(body: AsyncIterable<Buffer>): Promise<UploadMetadata> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MOST_METADATA_BYTES) {
      throw new Refusal(400, 'INVALID_FILE_METADATA', `metadata: expected at most ${MOST_METADATA_BYTES} bytes, got more`);
    }
    pieces.push(piece);
  }
  const parsed = parseContract(uploadMetadata, parseText(Buffer.concat(pieces).toString('utf8')), '', 'metadata of a file');
  if (!parsed.ok) {
    throw new Refusal(400, 'INVALID_FILE_METADATA', joinProblems('metadata', parsed.problems));
  }
  return parsed.value;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'INVALID_FILE_METADATA', `metadata: expected JSON, got ${text.length} characters that are none`);
  }
}

async function writeBody(body: AsyncIterable<Buffer>, file: FileHandle | undefined): Promise<void> {
  for await (const piece of body) {
    if (file !== undefined) await writeAll(file, piece);
  }
}
