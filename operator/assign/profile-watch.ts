import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import { ASSIGN_PROFILES, ASSIGN_PROFILES_KEY } from '../../src/schema/names';
import type { KubeApi } from '../kube/api';
import { Informer } from '../kube/informer';
import { CONFIG_MAPS } from '../kube/resource-types';
import type { ConfigMap } from '../kube/config-map-object';
import { type AssignProfile, BUILT_IN_PROFILE, readProfile } from './profile';

/** What a {@link ProfileWatch} needs. */
export interface ProfileWatchOptions {
  readonly api: KubeApi;
  /** Namespace of the operator. @default - none, and the built-in profile is in force */
  readonly namespace?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1. */
  readonly random: () => number;
  /** The profile in force may be another now. */
  readonly onChange: () => void;
}

/** Keeps the profile in force equal to what ConfigMap `pool-assign-profiles` says; its deletion brings back the built-in one (R77). */
export class ProfileWatch {
  private readonly informer: Informer<ConfigMap> | undefined;
  private current: AssignProfile | undefined;

  constructor(private readonly options: ProfileWatchOptions) {
    const { namespace, ...others } = options;
    if (namespace === undefined) {
      this.current = BUILT_IN_PROFILE;
      return;
    }
    this.informer = new Informer({ ...others, type: CONFIG_MAPS, namespaces: [namespace], fieldSelector: `metadata.name=${ASSIGN_PROFILES}` });
    this.informer.cache.onChange(({ after }) => this.use(after));
  }

  /** The profile in force; undefined until it is known whether there is a ConfigMap: a Pool is chosen once, so nobody guesses. */
  get profile(): AssignProfile | undefined {
    return this.current;
  }

  /** Ms since the server was last heard of; undefined while nothing has been read, and when there is nothing to follow. */
  get ageMs(): number | undefined {
    return this.current === undefined ? undefined : this.informer?.ageMs();
  }

  /** Follows the ConfigMap until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.informer === undefined) return;
    // It never rejects, and an operator that stops needs no profile any more.
    void this.informer.synced.then(() => {
      if (this.current === undefined) this.use(undefined);
    });
    await this.informer.run(signal);
  }

  private use(configMap: ConfigMap | undefined): void {
    const { log, namespace, onChange } = this.options;
    const { profile, problems, skipped } = readProfile(configMap?.data?.[ASSIGN_PROFILES_KEY]);
    const facts = { namespace, configMap: ASSIGN_PROFILES, key: ASSIGN_PROFILES_KEY };
    if (problems.length > 0) log.warn({ ...facts, problems }, 'profile of pool assignment not usable, built-in one in force');
    if (skipped.length > 0) log.warn({ ...facts, skipped }, 'unknown parts of the profile of pool assignment skipped');
    if (problems.length === 0) log.info({ ...facts, profile, given: configMap !== undefined }, 'profile of pool assignment in force');
    this.current = profile;
    onChange();
  }
}
