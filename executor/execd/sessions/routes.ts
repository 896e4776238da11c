import type * as z from 'zod/mini';
import type { Clock } from '../../../src/program/clock';
import { createSessionRequest, runInSessionRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { type Call, readJson } from '../calls';
import { EventStream } from '../commands/event-stream';
import type { CommandPreparation } from '../commands/prepare';
import { followCommand } from '../commands/routes';
import type { CommandRunner } from '../commands/runner';
import { StreamOutput } from '../commands/stream-output';
import { makeDirectories } from '../files/changes';
import { Walk } from '../files/walk';
import { unknownContext } from '../refusal';
import type { RouteTable } from '../router';
import type { Sandbox } from '../sandbox';
import type { Session, Sessions } from './sessions';
import { sessionVector, StateReader } from './state';

/** What the routes of sessions work with. */
export interface SessionRoutesOptions {
  readonly sessions: Sessions;
  readonly runner: CommandRunner;
  readonly preparation: CommandPreparation;
  readonly sandbox: Sandbox;
  readonly clock: Clock;
}

/** Limit of a run that names none, in ms. */
const DEFAULT_TIMEOUT_MS = 24 * 60 * 60_000;

/** Sessions: make, run in, delete. */
export function sessionRoutes(options: SessionRoutesOptions): RouteTable {
  const { sessions, runner, sandbox } = options;
  return {
    '/session': {
      POST: async (call) => {
        const { cwd } = await readJson(call, createSessionRequest, {});
        runner.assertOpen();
        if (cwd) await makeWorkingDir(sandbox, cwd);
        sendJson(call.response, { session_id: sessions.add(cwd ?? '').id });
      },
    },
    '/session/{id}/run': {
      POST: async (call) => {
        const session = sessions.require(call.params['id'] ?? '');
        const request = await readJson(call, runInSessionRequest);
        await session.inTurn(() => runInSession(call, session, request, options));
      },
    },
    '/session/{id}': {
      DELETE: async ({ params, response }) => {
        await sessions.delete(params['id'] ?? '');
        sendEmpty(response);
      },
    },
  };
}

/** Makes the directory of a session or context, unless it is there. */
export async function makeWorkingDir(sandbox: Sandbox, path: string): Promise<void> {
  const opened = sandbox.open();
  try {
    await Walk.within(opened, (walk) => makeDirectories(walk, { [path]: {} }));
  } finally {
    opened.close();
  }
}

/** Runs a command in a session, and answers with its events. @throws Refusal of status 404 for a session that was deleted */
export async function runInSession(call: Call, session: Session, request: z.infer<typeof runInSessionRequest>, { runner, preparation, clock }: SessionRoutesOptions): Promise<void> {
  if (session.isDeleted) {
    throw unknownContext('session', session.id);
  }
  if (call.response.destroyed) {
    return; // nobody waits for it any more
  }
  const { state } = session;
  const { env, workingDir } = await preparation.prepare({ cwd: request.cwd ?? state?.workingDir ?? session.workingDir });
  const place = { workingDir, ...(state === undefined ? { env } : { env: state.env, isWholeEnv: true }) };
  const reader = new StateReader();
  const stream = new EventStream(call.response, clock);
  const output = new StreamOutput(stream);
  const order = {
    content: request.command,
    argvs: runner.shellVectors((shell) => sessionVector(shell, request.command)),
    place,
    timeoutMs: request.timeout || DEFAULT_TIMEOUT_MS,
    takeMore: (piece: Buffer) => reader.take(piece),
  };
  const record = await runner.start(order, output, () => stream.begin(session.id));
  session.begin(record.command);
  await followCommand(call, record, output, true);
  session.command = undefined;
  session.state = reader.read() ?? state;
}
