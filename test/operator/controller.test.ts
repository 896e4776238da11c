import { Controller, type Reconciler, type ReconcileResult } from '../../operator/controller';
import { ApiError, TransportError } from '../../operator/kube/api-error';
import { createLogger } from '../../src/program/log';
import { ManualClock, settle } from '../support/manual-clock';

/** A controller whose reconciles follow a script; the last entry serves all later ones. */
function controllerWith(...script: readonly (() => Promise<ReconcileResult | void>)[]) {
  const clock = new ManualClock();
  const at: number[] = [];
  const outcomes: string[] = [];
  const levels: string[] = [];
  const left = [...script];
  const reconciler: Reconciler = {
    name: 'sample',
    concurrency: 1,
    reconcile: () => {
      at.push(clock.monotonicMs());
      const next = left.length > 1 ? left.shift() : left[0];
      return next?.() ?? Promise.resolve();
    },
  };
  const log = createLogger('test', 'debug', { write: (line) => levels.push((JSON.parse(line) as { level: string }).level) });
  const controller = new Controller(reconciler, { clock, log, random: () => 0, hooks: { reconciled: (outcome) => outcomes.push(outcome) } });
  controller.start();
  return { clock, at, outcomes, levels, controller };
}

const done = () => Promise.resolve();
const fails = (error: unknown) => () => Promise.reject(error as Error);

describe('Controller', () => {
  test('leaves a key alone when it is done', async () => {
    const { clock, at, outcomes, controller } = controllerWith(done);
    controller.add('ns/a');
    await clock.advance(60_000);
    expect([at, outcomes]).toEqual([[0], ['success']]);
  });

  test('looks again when the reconcile says', async () => {
    const { clock, at, outcomes, controller } = controllerWith(() => Promise.resolve({ requeueAfterMs: 700 }), done);
    controller.add('ns/a');
    await clock.advance(60_000);
    expect([at, outcomes]).toEqual([
      [0, 700],
      ['requeue_after', 'success'],
    ]);
  });

  test('tries again after pauses that grow from 50 ms, and begins anew after a success', async () => {
    const wrong = fails(new Error('wrong'));
    const { clock, at, controller } = controllerWith(wrong, wrong, wrong, done, wrong, done);
    controller.add('ns/a');
    await clock.advance(1_000);
    expect(at).toEqual([0, 50, 150, 350]);
    controller.add('ns/a');
    await clock.advance(1_000);
    expect(at.slice(4)).toEqual([1_000, 1_050]);
  });

  test('a failing pass that asks for itself does not shorten its pauses', async () => {
    const { clock, at, controller } = controllerWith(() => {
      controller.addAfter('ns/a', 1);
      return Promise.reject(new Error('wrong'));
    });
    controller.add('ns/a');
    await clock.advance(60_000);
    expect(at.length).toBeLessThan(25);
  });

  test('a wish during a pass that succeeds at last is kept', async () => {
    const { clock, at, controller } = controllerWith(fails(new Error('wrong')), () => {
      controller.addAfter('ns/a', 1);
      return done();
    }, done);
    controller.add('ns/a');
    await clock.advance(60_000);
    expect(at).toEqual([0, 50, 100]);
  });

  test.each([
    ['a conflict quietly', new ApiError(409, 'Conflict', 'changed'), 'requeue', 'debug'],
    ['what may pass as a warning', new TransportError('broken'), 'error', 'warn'],
    ['what should not happen as an error', new Error('wrong'), 'error', 'error'],
    ['what is no Error as an error', 'text', 'error', 'error'],
  ])('takes %s', async (_title, error, outcome, level) => {
    const { clock, outcomes, levels, controller } = controllerWith(fails(error), done);
    controller.add('ns/a');
    await clock.advance(1_000);
    expect([outcomes, levels]).toEqual([[outcome, 'success'], [level]]);
  });

  test('takes what is not found quietly at first, and as a warning when that does not pass', async () => {
    const { clock, outcomes, levels, controller } = controllerWith(fails(new ApiError(404, 'NotFound', 'gone')));
    controller.add('ns/a');
    await clock.advance(5_000);
    expect(levels).toEqual(['debug', 'debug', 'debug', 'debug', 'debug', 'warn', 'warn']);
    expect(outcomes).toEqual(['requeue', 'requeue', 'requeue', 'requeue', 'requeue', 'error', 'error']);
  });

  test('survives a reconcile that throws before its promise', async () => {
    const { clock, at, controller } = controllerWith(() => {
      throw new Error('wrong');
    }, done);
    controller.add('ns/a');
    await clock.advance(1_000);
    expect(at).toEqual([0, 50]);
  });

  test('aborts what is under way when it stops, and waits for it', async () => {
    const clock = new ManualClock();
    let aborted = false;
    const reconcile = (_key: string, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('stopped'));
        }),
      );
    const levels: string[] = [];
    const log = createLogger('test', 'info', { write: (line) => levels.push(line) });
    const controller = new Controller({ name: 'sample', concurrency: 1, reconcile }, { clock, log });
    controller.start();
    controller.add('ns/a');
    await settle();
    expect(controller.active).toBe(1);
    await controller.stop();
    expect([aborted, controller.active, levels, clock.timerCount]).toEqual([true, 0, [], 0]);
  });
});
