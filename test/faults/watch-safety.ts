import { SafetyCheck } from './checks/safety';
import { audienceOf } from './signatures';
import type { World } from './world';

/** A check that is told of everything in a simulated world, when it happens. */
export function watchSafety(world: World): SafetyCheck {
  const check = new SafetyCheck(world);
  const { api, executors } = world;
  api.onChange((change) => check.observe(change));
  api.onRequest((client, request) => check.judgeRequest(client, request));
  executors.onRequest = (request) => {
    const podUID = audienceOf(request);
    if (podUID !== undefined) check.judgeAsk(podUID);
  };
  executors.onStart = (run) => check.judgeStart(run);
  executors.onEnd = (run) => check.noteEnd(run);
  executors.onDrop = (run) => check.judgeDrop(run);
  return check;
}
