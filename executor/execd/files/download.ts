import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Call, countOf, requireQuery } from '../calls';
import { Refusal } from '../refusal';
import { sendPieces } from '../send-pieces';
import { Want } from './access';
import { expandPath } from './expand-path';
import { linesOf } from './file-lines';
import { parseRange } from './range';
import type { Walk } from './walk';

/** Bytes of a file that are in memory for an answer. */
const PIECE_BYTES = 65_536;

/**
 * Sends a file: whole, one range of its bytes, or some of its lines.
 *
 * @throws Refusal of status 400 for what is no file, 404, 416
 */
export async function sendFile({ query, request, response }: Call, walk: Walk): Promise<void> {
  const path = await expandPath(walk, requireQuery(query, 'path'));
  const [firstLine, lineCount] = [countOf(query, 'offset', undefined, 1), countOf(query, 'limit', undefined)];
  const { entry, stats } = await walk.require(path);
  if (!stats.isFile()) {
    throw new Refusal(400, 'UNKNOWN', `${path}: expected a file, got something else`);
  }
  walk.check(stats, Want.read, path);
  const file = await walk.reopen(entry, constants.O_RDONLY);
  const headers = { 'content-disposition': dispositionOf(path), 'accept-ranges': 'bytes' };
  if (firstLine !== undefined || lineCount !== undefined) {
    if (request.headers.range !== undefined) {
      throw new Refusal(400, 'MISSING_QUERY', 'query: offset: expected no Range beside lines, got one');
    }
    response.writeHead(200, { ...headers, 'content-type': 'text/plain; charset=utf-8' });
    await sendPieces(response, linesOf(piecesOf(response, file, 0, Infinity), firstLine ?? 1, lineCount ?? Infinity));
    return;
  }
  const { size } = await file.stat();
  const range = parseRange(request.headers.range, size);
  const { from, to } = range ?? { from: 0, to: size };
  response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    'content-type': 'application/octet-stream',
    'content-length': to - from,
    ...(range && { 'content-range': `bytes ${from}-${to - 1}/${size}` }),
  });
  await sendPieces(response, piecesOf(response, file, from, to));
}

/** Pieces of a file, as long as the caller is there: what is before the lines that he asks for is read, and never sent. */
async function* piecesOf(response: Call['response'], file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to && !response.destroyed; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - at)); // a new one each time: the last one may still wait to be sent
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) {
      if (to !== Infinity) response.destroy(); // the file has become shorter: an end would be a lie
      return;
    }
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** A plain name for everybody, and the true one for who reads that form. */
function dispositionOf(path: string): string {
  const name = basename(path);
  const plain = name.replace(/[^\x20-\x7e]|["\\]/g, '_');
  const isAscii = /^[\x20-\x7e]*$/.test(name);
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"${isAscii ? '' : `; filename*=UTF-8''${encoded}`}`;
}
