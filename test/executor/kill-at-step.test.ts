import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TaskStore } from '../../executor/tasks/store';
import { inParallel } from '../support/waiting';
import { ExecutorProcess, fixture, shell } from './executor-process';
import { isSettled, listUntil, superviseIn } from './supervisor-in-process';

/** More steps than there are in the life below. */
const MOST_STEPS = 40;

/** Notes that it has run, and ends well when told to, also by SIGTERM. */
const noting = (name: string) => shell(name, `echo ${name} >> runs; trap 'exit 0' TERM; until [ -e go-${name} ]; do sleep 0.05; done`);

/**
 * A server that dies at its step `step` while one task replaces another, and the next server of its data.
 *
 * @returns undefined when the whole life has fewer steps
 */
async function liveAndDie(step: number) {
  const home = mkdtempSync(join(tmpdir(), 'executor-test-'));
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(fixture('kill-at-step.mjs')).href}`, KILL_WHEN: join(home, 'armed'), KILL_AT: String(step) };
  const first = await ExecutorProcess.start([], home, env);
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
  // The next server, in this process: what it makes of the data does not depend on where it runs.
  const { dataDir } = first;
  const store = await TaskStore.open(dataDir);
  const { tasks, corruptCount } = await store.load();
  const supervisor = superviseIn(store, home);
  await supervisor.adopt(tasks);
  ['a', 'b'].forEach((name) => writeFileSync(join(home, `go-${name}`), ''));
  const list = await listUntil(supervisor, isSettled);
  const runs = existsSync(join(home, 'runs')) ? readFileSync(join(home, 'runs'), 'utf8').trim().split('\n') : [];
  await supervisor.set([]);
  await listUntil(supervisor, ({ length }) => length === 0);
  rmSync(home, { recursive: true, force: true });
  return { step, answered, asked, runs, corruptCount, list: list.map(({ name, processStatus }) => ({ name, ...processStatus?.terminated })) };
}

/** Lives are shared out to tests, for the time that one takes. */
const PARTS = 2;

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
  const wrong = lives.filter(({ runs, answered, asked, list, corruptCount }) => {
    const runsTwice = new Set(runs).size < runs.length;
    const isLost = answered !== undefined && !list.some(({ name }) => name === answered || name === asked);
    const isUntrue = list.some(({ name, exitCode, reason }) => (exitCode === 0) !== (reason === 'Succeeded') || (reason === 'Succeeded' && !runs.includes(name)));
    return runsTwice || isLost || isUntrue || corruptCount > 0;
  });
  expect(wrong).toEqual([]);
});
