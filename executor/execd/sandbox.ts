import { closeSync, constants, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { EnvVar } from '../../src/schema/names';
import { type Credentials, openMainProcess, readCredentials } from '../tasks/main-process';
import type { ProcessIdentity } from '../tasks/process';
import { type OutputEnd, type Outputs, type ProcessOrder, spawnInMain, spawnOnHost, type TaskProcess } from '../tasks/task-process';
import { Refusal } from './refusal';

/** Where commands run and files are; one implementation for each place. */
export interface Sandbox {
  /** @throws Refusal of status 503 while there is none */
  open(): OpenSandbox;
}

/** Where commands run and files are, as it is at this moment. Close it, unless `spawn` has. */
export interface OpenSandbox {
  readonly rootFd: number;
  /** Directory that relative paths count from. */
  readonly workingDirFd: number;
  /** Environment that every command starts from. */
  readonly env: Readonly<Record<string, string>>;
  /** As whom it acts. */
  readonly credentials: Credentials;
  /** Whether what is done in it is for us to judge: the kernel judges us, and we may more than it does. */
  readonly isForeign: boolean;
  /**
   * Starts a command, and closes.
   *
   * @param more a third pipe, at MORE_FD of the command
   */
  spawn(order: CommandOrder, outputs: Outputs, more?: OutputEnd): TaskProcess;
  close(): void;
}

/** As whom a command runs when that is not the user of the sandbox. */
export type CommandUser = Pick<Credentials, 'uid' | 'gid' | 'groups'>;

/** What is to be started; `env` comes above the environment of the sandbox, and `workingDir` may be relative or empty. */
export interface CommandOrder extends ProcessOrder {
  readonly user?: CommandUser;
  /** `env` is all, without the environment of the sandbox. */
  readonly isWholeEnv?: boolean;
}

/**
 * Commands and files beside the executor: same user, same file system.
 *
 * @param env environment of every command
 * @param baseDir directory that relative paths count from
 */
export function hostSandbox(env: Readonly<Record<string, string>>, baseDir: string): Sandbox {
  return {
    open: () => {
      const [rootFd, workingDirFd] = openDirectories('/', baseDir);
      const credentials = readCredentials('self');
      const close = () => [rootFd, workingDirFd].forEach((fd) => closeSync(fd));
      return {
        rootFd,
        workingDirFd,
        env,
        credentials,
        isForeign: false,
        close,
        spawn: ({ user, isWholeEnv, ...order }, outputs, more) => {
          const complete = { ...order, env: { ...(isWholeEnv !== true && env), ...order.env }, workingDir: resolve(baseDir, order.workingDir) };
          if (user !== undefined) {
            return spawnInMain(complete, { rootFd, workingDirFd, env: {}, credentials: { ...credentials, ...user } }, outputs, more);
          }
          close();
          return spawnOnHost(complete, outputs, more);
        },
      };
    },
  };
}

/**
 * The same, but commands start as they do in another container: by Perl, which enters, here the place where it is already.
 *
 * @param env environment of every command
 * @param baseDir directory that relative paths count from
 */
export function enteredSandbox(env: Readonly<Record<string, string>>, baseDir: string): Sandbox {
  return {
    open: () => {
      const [rootFd, workingDirFd] = openDirectories('/', baseDir);
      const place = { rootFd, workingDirFd, credentials: readCredentials('self') };
      return {
        ...place,
        env,
        isForeign: true,
        close: () => [rootFd, workingDirFd].forEach((fd) => closeSync(fd)),
        spawn: ({ user, isWholeEnv, ...order }, outputs, more) =>
          spawnInMain(order, { ...place, env: isWholeEnv === true ? {} : env, credentials: { ...place.credentials, ...user } }, outputs, more),
      };
    },
  };
}

/**
 * Commands and files in another container of the pod, as its main process has them.
 *
 * @param mainContainer its name, as its processes have it in SANDBOX_MAIN_CONTAINER
 * @param ownsContainer whether the executor has a container to itself
 */
export function sidecarSandbox(mainContainer: string, ownsContainer: boolean): Sandbox {
  let known: ProcessIdentity | undefined;
  return {
    open: () => {
      const main = openMainProcess({ name: mainContainer, isInOtherCgroup: ownsContainer }, known);
      if (main === undefined) {
        const expected = `expected a process with ${EnvVar.mainContainer}=${mainContainer}`;
        throw new Refusal(503, 'RUNTIME_ERROR', `sandbox: ${expected}, got none; the main container does not run, or its pod has no shareProcessNamespace`);
      }
      known = main.identity;
      return {
        ...main,
        env: Object.fromEntries(Object.entries(main.env).map((entry) => entry.map(fromBytes))) as Record<string, string>,
        isForeign: true,
        close: () => [main.rootFd, main.workingDirFd].forEach((fd) => closeSync(fd)),
        spawn: ({ user, isWholeEnv, ...order }, outputs, more) =>
          spawnInMain(order, { ...main, env: isWholeEnv === true ? {} : main.env, credentials: { ...main.credentials, ...user } }, outputs, more),
      };
    },
  };
}

/**
 * A sandbox with further variables, as if its main process had them.
 *
 * @param variables asked for each time anew
 */
export function withVariables(sandbox: Sandbox, variables: () => Readonly<Record<string, string>>): Sandbox {
  return {
    open: () => {
      const opened = sandbox.open();
      const added = variables();
      return {
        ...opened,
        env: { ...opened.env, ...added },
        spawn: (order, outputs, more) => opened.spawn(order.isWholeEnv === true ? order : { ...order, env: { ...added, ...order.env } }, outputs, more),
      };
    },
  };
}

/** Variables are bytes; what of them is no UTF-8 is of no use to whoever reads them as text. */
const fromBytes = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');

function openDirectories(root: string, workingDir: string): readonly [rootFd: number, workingDirFd: number] {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const rootFd = openSync(root, flags);
  try {
    return [rootFd, openSync(workingDir, flags)];
  } catch (error) {
    closeSync(rootFd);
    throw error;
  }
}
