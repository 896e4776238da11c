import type { RunCommandRequest } from '../../../src/schema/execd-api';
import { EnvVar } from '../../../src/schema/names';
import { expandPath } from '../files/expand-path';
import { readSmallFile } from '../files/read-small';
import { mayBecomeOthers, Users } from '../files/users';
import { Walk } from '../files/walk';
import { badBody } from '../refusal';
import type { CommandOrder, CommandUser, OpenSandbox, Sandbox } from '../sandbox';
import { parseEnvFile } from './env-file';

/** Most bytes that are read of the file of variables. */
const MOST_FILE_BYTES = 1024 * 1024;

/** What a request says about its command beside the program. */
export type CommandPlace = Pick<RunCommandRequest, 'cwd' | 'envs' | 'uid' | 'gid'>;

/** Shells, as they are looked for: also where the variables of a command have another PATH. */
export const SHELLS = ['bash', '/bin/bash', 'sh', '/bin/sh'] as const;

/** Prepares what commands of one sandbox need beside their program. */
export class CommandPreparation {
  /** @param execdEnvs path of the file of variables where the sandbox itself names none */
  constructor(
    private readonly sandbox: Sandbox,
    private readonly execdEnvs: string | undefined,
  ) {}

  /**
   * Environment, directory and user of a command: those of the sandbox, below those of the file of variables, below those of the request.
   *
   * @throws Refusal of status 400 for a user that the sandbox cannot be, 503 while there is no sandbox
   */
  async prepare({ cwd, envs, uid, gid }: CommandPlace): Promise<Pick<CommandOrder, 'env' | 'workingDir' | 'user'>> {
    const opened = this.sandbox.open();
    try {
      return await Walk.within(opened, async (walk) => {
        const path = opened.env[EnvVar.execdEnvs] ?? this.execdEnvs;
        const fromFile = path === undefined ? {} : { [EnvVar.execdEnvs]: path, ...parseEnvFile(await readSmallFile(walk, path, MOST_FILE_BYTES), opened.env) };
        return {
          env: { ...fromFile, ...envs },
          workingDir: cwd === undefined || cwd === null ? '' : await expandPath(walk, cwd),
          user: uid === undefined || uid === null ? undefined : await findUser(walk, opened, uid, gid ?? undefined),
        };
      });
    } finally {
      opened.close();
    }
  }
}

async function findUser(walk: Walk, { credentials }: OpenSandbox, uid: number, gid: number | undefined): Promise<CommandUser | undefined> {
  if (uid === credentials.uid && (gid ?? credentials.gid) === credentials.gid) {
    return undefined; // as everything there
  }
  if (!mayBecomeOthers(credentials)) {
    throw badBody({ path: 'uid', expected: `${credentials.uid}, the user of the sandbox, who is not root or may not become another`, got: String(uid) });
  }
  const user = (await Users.read(walk)).find(uid);
  return { uid, gid: gid ?? user?.gid ?? uid, groups: user?.groups ?? [] };
}
