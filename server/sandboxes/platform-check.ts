import type { KubeApi } from '../../operator/kube/api';
import { NODES } from '../../operator/kube/resource-types';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { CreateSandboxRequest } from '../../src/schema/lifecycle-request';
import { invalidRequest } from '../lifecycle-error';

/** What a sandbox is to run on. */
type Platform = NonNullable<CreateSandboxRequest['platform']>;

/** How long an answer about nodes is good, in ms: a new node is seen so much later, and creates cost two reads in that time at most. */
const FRESH_MS = 10_000;
/** Longest time for looking, in ms: a create waits for it, and its callers for that. Then the platform may be there, for as long as an answer is good. */
const LOOK_LIMIT_MS = 3_000;
const OS = 'kubernetes.io/os';
const ARCH = 'kubernetes.io/arch';

/** What a {@link PlatformCheck} needs. */
export interface PlatformCheckOptions {
  readonly api: Pick<KubeApi, 'has'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly log: Logger;
}

/**
 * Refuses sandboxes for a platform that no node has (L19): they would wait for a node until their time is over.
 *
 * Only what nodes say of themselves counts. Where none says what it is, or nobody lets the server look in time, every platform may be there. A cluster that makes its
 * first node of a platform on demand has none before: there the check is switched off (`kubernetes.platform_check`).
 *
 * @see docs/adr/0027-final-at-once.md
 */
export class PlatformCheck {
  private readonly answers = new Map<string, { readonly askedAtMs: number; readonly isMissing: Promise<boolean> }>();

  constructor(private readonly options: PlatformCheckOptions) {}

  /** @throws LifecycleError SANDBOX::INVALID_PARAMETER when there are nodes and none is of the platform */
  async expectNode(platform: Platform): Promise<void> {
    const { os, arch } = platform;
    if (await this.ask(platform)) throw invalidRequest([{ path: 'platform', expected: 'one that a node of the cluster has', got: `'${os}/${arch}'` }]);
  }

  private ask(platform: Platform): Promise<boolean> {
    const key = `${platform.os}/${platform.arch}`;
    const nowMs = this.options.clock.monotonicMs();
    const known = this.answers.get(key);
    if (known !== undefined && nowMs - known.askedAtMs < FRESH_MS) return known.isMissing;
    const isMissing = this.look(platform);
    this.answers.set(key, { askedAtMs: nowMs, isMissing });
    return isMissing;
  }

  private async look({ os, arch }: Platform): Promise<boolean> {
    const { api, clock, log } = this.options;
    const late = new AbortController();
    const cancel = clock.setTimer(LOOK_LIMIT_MS, () => late.abort(new Error(`nodes: not known within ${LOOK_LIMIT_MS / 1000} s`)));
    const isThere = (labelSelector: string) => api.has(NODES, { labelSelector }, late);
    try {
      return !(await isThere(`${OS}=${os},${ARCH}=${arch}`)) && (await isThere(`${OS},${ARCH}`));
    } catch (error) {
      log.warn({ err: error }, 'platforms of nodes not known; sandboxes wait for a node');
      return false;
    } finally {
      cancel();
    }
  }
}
