import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programCommand } from '../../../local/programs';
import { EnvVar } from '../../../src/schema/names';
import { childrenOf } from '../../support/children-of';
import type { Round, Scenario } from '../scenario';
import { within } from '../within';

/** Time after which a program that has nothing to do is taken for idle, in ms. */
const IDLE_AFTER_MS = 1_000;
/** The least that a Node program can do that serves HTTP. */
const BARE_SERVER = "require('node:http').createServer().listen(0, '127.0.0.1', () => process.stderr.write('listening\\n'))";
const MB = 1_000_000;

/**
 * The start of an executor, from its exec until it serves, and the memory that it has to itself when nothing happens, before it makes ready what the first
 * request needs. The bare loop starts the least that a Node program can be which serves HTTP.
 */
export function executorStartScenario(): Scenario {
  return {
    name: 'executor-start',
    title: 'start of an executor',
    group: 'tasks',
    size: 1,
    target: 3,
    rounds: 20,
    warmUps: 2,
    open: ({ signingKeys }) =>
      Promise.resolve({
        controller: {
          play: () => {
            const folder = mkdtempSync(join(tmpdir(), 'executor-start-'));
            const flags = ['--listen-addr=127.0.0.1:0', '--execd-listen-addr=127.0.0.1:0', `--data-dir=${folder}/tasks`];
            return start([...programCommand('sandbox-executor'), ...flags], { [EnvVar.authPublicKey]: signingKeys.publicKeys, [EnvVar.podUid]: 'bench' }, () => rmSync(folder, { recursive: true, force: true }));
          },
        },
        loop: { play: () => start([process.execPath, '-e', BARE_SERVER], {}, () => undefined) },
      }),
  };
}

async function start([file = '', ...args]: readonly string[], env: Readonly<Record<string, string>>, cleanUp: () => void): Promise<Round> {
  const beganAtMs = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let written = '';
  const ready = new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (text) => {
      written += String(text);
      if (written.includes('listening')) resolve(performance.now());
    });
    child.once('exit', () => reject(new Error(`'${file}': expected it to serve, got its end: ${written}`)));
  });
  const ms = (await within(ready, 'a program that serves')) - beganAtMs;
  await sleep(IDLE_AFTER_MS);
  const { pid = 0 } = child;
  const runners = childrenOf(pid);
  const more = { 'private memory before the warm-up, MB': privateBytes(pid) / MB, ...(runners.length > 0 && { 'private memory of its spare runner, MB': runners.reduce((sum, runner) => sum + privateBytes(runner), 0) / MB }) };
  return {
    ms,
    more,
    cleanUp: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      cleanUp();
    },
  };
}

/** What a process shares with no other, in bytes. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce((sum, [, kB]) => sum + 1024 * Number(kB), 0);
}
