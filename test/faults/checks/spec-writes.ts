import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import { ANY_POOL } from '../../../src/schema/names';
import { patchedFields } from '../../support/patched-fields';
import { userPath } from '../paths';
import type { Evidence, SentRequest, StoredChange } from './evidence';
import type { Report, SafetyPart } from './part';
import { gainedPods, ownerOf } from './records';

/** What an operator may do to batches and pools beside their status: choose a pool once (R73), and delete a batch that has expired, as it is now (R45, R46). */
export class SpecWriteCheck implements SafetyPart {
  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
  ) {}

  observe({ plural, type, object }: StoredChange, before: KubeObject | undefined): void {
    if (plural === 'pods' && type === 'ADDED') this.judgePod(object as Pod);
    if (plural !== 'batchsandboxes' || type === 'DELETED') return;
    const batch = object as BatchSandbox;
    if (isStillborn(batch) && gainedPods(batch, before as BatchSandbox | undefined).length > 0) this.report('R45', `'${batch.metadata.name}' gets pods although it had expired when it was created`);
  }

  judgeRequest({ method, path, body }: SentRequest): void {
    const isPool = path.startsWith(userPath('pools', ''));
    const folder = userPath('batchsandboxes');
    const [name = '', subresource] = path.startsWith(folder) ? path.slice(folder.length + 1).split('/') : [];
    if ((!isPool && name === '') || subresource !== undefined || body === '') return;
    const sent = patchedFields(JSON.parse(body)) as { readonly metadata?: KubeObject['metadata']; readonly spec?: object; readonly preconditions?: Preconditions };
    const batch = this.world.batches().find(({ metadata }) => metadata.name === name);
    if (method === 'DELETE' && name !== '') this.judgeDelete(name, batch, sent.preconditions);
    if (sent.spec === undefined) return;
    if (isPool || Object.keys(sent.spec).join() !== 'poolRef') this.report('R73', `a write to the spec at '${path}' of more than poolRef`);
    const version = sent.metadata?.resourceVersion;
    if (version === undefined) this.report('R73', `poolRef of '${name}' is written whatever it is by now`);
    if (batch !== undefined && version === batch.metadata.resourceVersion && batch.spec.poolRef !== ANY_POOL) this.report('R73', `poolRef of '${name}' is written although it is '${batch.spec.poolRef ?? ''}'`);
  }

  private judgeDelete(name: string, batch: BatchSandbox | undefined, { uid, resourceVersion }: Preconditions = {}): void {
    if (uid === undefined || resourceVersion === undefined) this.report('R46', `delete of '${name}' whatever it is by now`);
    if (batch?.metadata.uid !== uid || batch?.metadata.resourceVersion !== resourceVersion) return;
    const endsAt = Date.parse(batch?.spec.expireTime ?? '');
    const isOver = this.world.timeOfDay === undefined || endsAt <= this.world.timeOfDay().getTime();
    if (Number.isNaN(endsAt) || !isOver) this.report('R46', `delete of '${name}', whose expireTime is ${batch?.spec.expireTime ?? 'none'}`);
  }

  private judgePod(pod: Pod): void {
    const batch = this.world.batches().find(({ metadata }) => metadata.uid === ownerOf(pod));
    if (batch !== undefined && isStillborn(batch)) this.report('R45', `pod '${pod.metadata.name}' is made although its batch had expired when it was created`);
  }
}

interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Expired from the beginning, and never edited since. */
function isStillborn({ metadata: { generation, creationTimestamp = '' }, spec }: BatchSandbox): boolean {
  return generation === 1 && Date.parse(spec.expireTime ?? '') <= Date.parse(creationTimestamp);
}
