import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inParallel } from '../support/waiting';
import { ExecutorProcess, fixture, shell } from './executor-process';

/** More steps than there are in the life below. */
const MOST_STEPS = 40;

/** Notes that it has run, and ends well when told to, also by SIGTERM. */
const noting = (name: string) => shell(name, `echo ${name} >> runs; trap 'exit 0' TERM; until [ -e go-${name} ]; do sleep 0.02; done`);

/**
 * A server that dies at its step `step` while one task replaces another, and the next server of its data.
 *
 * @returns undefined when the whole life has fewer steps
 */
async function liveAndDie(step: number) {
  const home = mkdtempSync(join(tmpdir(), 'executor-test-'));
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(fixture('kill-at-step.mjs')).href}`, KILL_WHEN: join(home, 'armed'), KILL_AT: String(step) };
  const first = await ExecutorProcess.start(['--spare-runners=0'], home, env);
  writeFileSync(join(home, 'armed'), '');
  let answered: string | undefined;
  let asked: string | undefined;
  let isAlive = true;
  const say = async (name: string, request: () => Promise<unknown>) => {
    if (isAlive) asked = name;
    isAlive &&= await request().then(
      () => true,
      () => false,
    );
    if (isAlive) answered = name;
  };
  await say('a', () => first.set(noting('a')));
  await say('b', () => first.set(noting('b')));
  await say('b', () => first.until(([task]) => task?.processStatus?.running !== undefined));
  if (isAlive) {
    rmSync(join(home, 'armed'));
    await first.clean();
    return undefined;
  }
  const next = await ExecutorProcess.start(['--spare-runners=0'], home);
  ['a', 'b'].forEach((name) => writeFileSync(join(home, `go-${name}`), ''));
  const list = await next.until((tasks) => tasks.every(({ processStatus, deletionTimestamp }) => processStatus?.terminated !== undefined && deletionTimestamp === undefined));
  const { status } = await next.request('GET', '/health');
  const runs = existsSync(join(home, 'runs')) ? readFileSync(join(home, 'runs'), 'utf8').trim().split('\n') : [];
  await next.clean();
  rmSync(home, { recursive: true, force: true });
  return { step, answered, asked, runs, status, list: list.map(({ name, processStatus }) => ({ name, ...processStatus?.terminated })) };
}

/** Lives are shared out to tests, for the time that one takes. */
const PARTS = 4;

test.each(Array.from({ length: PARTS }, (_, part) => part))('a server that is killed at whatever step runs no task twice, loses none and invents no success, part %d (X2, X11, X12)', async (part) => {
  let isOver = false;
  const steps = Array.from({ length: MOST_STEPS }, (_, step) => step).filter((step) => step % PARTS === part);
  const results = await inParallel(steps, 3, async (step) => {
    const life = isOver ? undefined : await liveAndDie(step);
    isOver ||= life === undefined;
    return life;
  });
  expect(isOver).toBe(true);
  const lives = results.filter((life) => life !== undefined);
  expect(lives.length).toBeGreaterThan(3);
  const wrong = lives.filter(({ runs, answered, asked, list, status }) => {
    const runsTwice = new Set(runs).size < runs.length;
    const isLost = answered !== undefined && !list.some(({ name }) => name === answered || name === asked);
    const isUntrue = list.some(({ name, exitCode, reason }) => (exitCode === 0) !== (reason === 'Succeeded') || (reason === 'Succeeded' && !runs.includes(name)));
    return runsTwice || isLost || isUntrue || status !== 200;
  });
  expect(wrong).toEqual([]);
});
