import { NotLeadingError, TransportError } from '../../operator/kube/api-error';
import type { ExecRequest, PodExec } from '../../operator/kube/pod-exec';
import type { Pod } from '../../src/schema/kubernetes';
import type { ApiHost } from './api-host';
import type { Fate, SimulatedRequest } from './exchange';
import type { History } from './history';
import type { SimulatedNodes } from './nodes';
import { podPath } from './paths';
import type { Random } from './random';
import type { SimulatedProcess } from './simulated-process';

/** How often a command changes nothing, since the container has no handler for the signal. */
const IGNORED_SHARE = 0.15;

/** What {@link simulatedExec} needs. */
export interface ExecOptions {
  /** The operator that runs commands. */
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly api: ApiHost;
  readonly nodes: SimulatedNodes;
  readonly history: History;
  readonly random: Random;
  /** What the network does with a command on its way. */
  readonly fateOf: (request: SimulatedRequest) => Fate;
  /** Asked before every command. @default - commands are always allowed */
  readonly mayWrite?: () => boolean;
}

/**
 * Commands in simulated containers: whatever the command, the container ends and starts anew, or nothing happens. Where the network is to
 * blame, nobody learns what became of it; of an operator that is killed, commands on their way still arrive now and then.
 */
export function simulatedExec(options: ExecOptions): PodExec {
  const { process, mayWrite = () => true } = options;
  return (request) => {
    const what = `exec in '${request.pod}', container '${request.container}'`;
    if (!mayWrite()) return Promise.reject(new NotLeadingError(`${what}: not sent`));
    return new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new TransportError(`${what}: ${why}`));
      const cancel = process.setTimer(request.timeoutMs, () => fail('no end in time'));
      request.signal.addEventListener('abort', () => fail('aborted'), { once: true });
      const { trouble, refusal, thereMs, backMs } = options.fateOf(toRequest(request));
      const answer = (give: () => void) => process.clock.setTimer(backMs(), () => process.take(() => (cancel(), give())));
      const arrive = () => {
        const problem = refusal !== undefined ? `status ${refusal}` : trouble === 'refused' ? 'connection refused' : carryOut(options, request);
        if (trouble === 'silence after') return;
        if (trouble === 'lost answer') answer(() => fail('socket hang up'));
        else answer(() => (problem === undefined ? resolve() : fail(problem)));
      };
      process.clock.setTimer(thereMs, () => {
        const isLost = trouble === 'silence' || (process.isDead && options.random.chance(0.5));
        if (!isLost) arrive();
      });
    });
  };
}

/** What is wrong with the command; undefined when it was carried out, whether or not that did anything. */
function carryOut({ name, api, nodes, history, random }: ExecOptions, { namespace, pod: podName, container }: ExecRequest): string | undefined {
  const pod = api.isUp ? api.get<Pod>('pods', `${namespace}/${podName}`) : undefined;
  const isIgnored = random.chance(IGNORED_SHARE);
  const problem = pod === undefined ? 'not found' : isIgnored || nodes.restart(pod, container) ? undefined : 'not running';
  history.note(`${name} exec ${podName} ${container} -> ${problem ?? (isIgnored ? 'ignored' : 'ended')}`);
  return problem;
}

function toRequest({ pod, container }: ExecRequest): SimulatedRequest {
  return { method: 'GET', path: `${podPath(pod)}/exec?container=${container}`, origin: '', headers: {}, body: '' };
}
