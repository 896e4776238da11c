import { readFile, stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { childOutput } from './child-output';
import { isErrorWithCode } from './nodes/system-error';

/** A cdk8s app in a folder. */
export interface App {
  readonly folder: string;
  /** Shell command that synthesizes it. */
  readonly command: string;
  /** Where it puts its manifests, absolute. */
  readonly outputFolder: string;
}

/** Programs of an app without cdk8s.yaml, in the order in which they are looked for. */
const MAIN_FILES = ['main.ts', 'main.js'];

/**
 * The cdk8s app in a folder: the one that cdk8s.yaml describes, or else a main.ts or main.js. Undefined when there is none.
 *
 * @throws Error when there is nothing at the path
 * @see https://cdk8s.io/docs/latest/cli/synth/
 */
export async function findApp(path: string): Promise<App | undefined> {
  const folder = resolve(path);
  const found = await stat(folder).catch((error: unknown) => {
    if (isErrorWithCode(error, 'ENOENT')) throw new Error(`app: expected a folder or file, got '${path}', which does not exist`, { cause: error });
    throw error;
  });
  if (!found.isDirectory()) return undefined;
  const config = parse((await readIfThere(join(folder, 'cdk8s.yaml'))) ?? '') as { app?: unknown; output?: unknown } | null;
  const outputFolder = join(folder, typeof config?.output === 'string' ? config.output : 'dist');
  if (typeof config?.app === 'string') return { folder, command: config.app, outputFolder };
  for (const file of MAIN_FILES) {
    if ((await readIfThere(join(folder, file))) !== undefined) return { folder, command: `node ${file}`, outputFolder };
  }
  return undefined;
}

/**
 * Runs the app as `cdk8s synth` does. Its `node` is the one that runs this program.
 *
 * @throws Error with what the app wrote to standard error
 */
export async function synthesize(app: App, env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void> {
  await childOutput({
    argv: ['sh', '-c', app.command],
    cwd: app.folder,
    env: {
      ...withoutUndefined(env),
      PATH: [dirname(process.execPath), env.PATH ?? ''].join(delimiter),
      CDK8S_OUTDIR: app.outputFolder,
    },
    signal,
  });
}

function withoutUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
