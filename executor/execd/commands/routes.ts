import type { Clock } from '../../../src/program/clock';
import { ExecdHeader, type RunCommandRequest, runCommandRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { type Call, countOf, readJson, requireQuery } from '../calls';
import { badBody, Refusal } from '../refusal';
import type { Route, RouteTable } from '../router';
import { sendPieces } from '../send-pieces';
import type { CommandSink } from './command';
import { EventStream } from './event-stream';
import { type LogRange, OutputLog } from './output-log';
import type { CommandPreparation } from './prepare';
import { type CommandRecord, toStatus } from './register';
import type { CommandRunner } from './runner';
import { StreamOutput } from './stream-output';

/** What the routes of commands work with. */
export interface CommandRoutesOptions {
  readonly runner: CommandRunner;
  readonly preparation: CommandPreparation;
  readonly clock: Clock;
  /** Where output of the background is kept. */
  readonly dataDir: string;
  /** Interrupts what runs in a session or context of this id, which an interrupt may name too; undefined when there is none. */
  readonly interruptOther: (id: string) => Promise<void> | undefined;
}

/** Commands: run, interrupt, status and logs. */
export function commandRoutes(options: CommandRoutesOptions): RouteTable {
  const { runner } = options;
  return {
    '/command': { POST: async (call) => runCommand(call, await readJson(call, runCommandRequest), options), DELETE: interruptRoute(options) },
    '/command/status/{id}': { GET: ({ params, response }) => sendJson(response, toStatus(runner.register.require(params['id'] ?? ''))) },
    '/command/{id}/logs': { GET: (call) => sendLog(call, runner.register.require(call.params['id'] ?? '')) },
  };
}

/** Interrupts what its query names: a command, session or context. */
export const interruptRoute =
  ({ runner, interruptOther }: CommandRoutesOptions): Route =>
  async ({ query, response }) => {
    const id = requireQuery(query, 'id');
    await (interruptOther(id) ?? runner.register.require(id).command?.stop());
    sendEmpty(response);
  };

/** Runs a command, and answers with its events. */
export async function runCommand(call: Call, request: RunCommandRequest, { runner, preparation, clock, dataDir }: CommandRoutesOptions): Promise<void> {
  const program = programOf(request, runner);
  const outlives = request.background === true || request.on_disconnect === 'continue';
  const log = outlives ? new OutputLog(dataDir) : undefined;
  const stream = new EventStream(call.response, clock);
  const output = request.background === true ? undefined : new StreamOutput(stream);
  const order = { ...program, place: await preparation.prepare(request), timeoutMs: request.timeout ?? 0, log };
  const record = await runner.start(order, sinkOf(log, output), (id) => stream.begin(id));
  if (output === undefined) {
    stream.complete(0);
    return;
  }
  await followCommand(call, record, output, !outlives);
}

/**
 * Sends the output of a command until it ends.
 *
 * @param endsWithCaller whether it ends when the caller goes
 */
export async function followCommand({ response }: Pick<Call, 'response'>, record: CommandRecord, output: StreamOutput, endsWithCaller: boolean): Promise<void> {
  const { command } = record;
  const onDrain = () => command?.resume();
  const onClose = () => {
    command?.resume(); // to nobody
    if (endsWithCaller) void command?.stop();
  };
  response.on('drain', onDrain);
  if (response.destroyed) {
    onClose();
  } else {
    response.once('close', onClose);
  }
  const end = (await command?.ended) ?? record.finished?.end;
  response.removeListener('close', onClose);
  if (end !== undefined) {
    output.end(end);
  }
}

/** Output goes to whoever wants it; a log always has room. */
const sinkOf = (log: OutputLog | undefined, output: StreamOutput | undefined): CommandSink => ({
  take: (stream, piece) => {
    log?.write(piece);
    return output?.take(stream, piece) ?? true;
  },
});

/** @throws Refusal of status 400 unless exactly one program is there */
function programOf({ command, argv, uid, gid }: RunCommandRequest, runner: CommandRunner) {
  const both = [command, argv].filter((given) => given !== undefined && given !== null);
  if (both.length !== 1) {
    throw badBody({ path: 'command', expected: 'either a command or argv', got: both.length === 0 ? 'none of both' : 'both' });
  }
  if (command === '' || argv?.[0] === '') {
    throw badBody({ path: command === '' ? 'command' : 'argv[0]', expected: 'a program', got: 'an empty text' });
  }
  if (typeof gid === 'number' && typeof uid !== 'number') {
    throw badBody({ path: 'gid', expected: 'a uid beside it', got: 'none' });
  }
  return argv ? { content: argv.join(' '), argvs: [argv] } : { content: command ?? '', argvs: runner.shellVectors((shell) => [shell, '-c', command ?? '']) };
}

/** Bytes of a log that are in memory for an answer. */
const LOG_PIECE_BYTES = 65_536;

/** Sends what a command has written from a position on; piece by piece, so that a slow caller costs no memory. */
async function sendLog({ query, response }: Call, { id, log, finished }: CommandRecord): Promise<void> {
  if (log === undefined) {
    throw new Refusal(400, 'UNKNOWN', `command '${id}': expected one of the background, got one whose output was streamed`);
  }
  const range = log.rangeFrom(countOf(query, 'cursor', 0), finished !== undefined);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': range.to - range.from, [ExecdHeader.tailCursor]: String(range.to) });
  await sendPieces(response, piecesOf(log, range, () => response.destroy()));
}

/** @param onLost called when the command has written over a piece meanwhile; it is the last then */
function* piecesOf(log: OutputLog, { from, to }: LogRange, onLost: () => void): Generator<Buffer> {
  for (let at = from; at < to; ) {
    const piece = Buffer.allocUnsafe(Math.min(LOG_PIECE_BYTES, to - at)); // a new one each time: the last one may still wait to be sent
    const length = log.readAt(at, piece);
    if (length === undefined) {
      onLost();
      return;
    }
    at += length;
    yield piece.subarray(0, length);
  }
}
