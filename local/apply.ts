import { type KubeApi, LIST_DEADLINE_MS } from '../operator/kube/api';
import { isAlreadyExists, isNotFound } from '../operator/kube/api-error';
import type { ResourceType } from '../operator/kube/resource-types';
import type { Transport } from '../operator/kube/transport';
import { joinSentences } from '../src/schema/errors';
import type { Manifest } from './manifests';

/** The part of a discovery answer that is read. */
interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Puts manifests into a cluster: creates what is not there and patches what is. */
export class Applier {
  private readonly listByGroupVersion = new Map<string, Promise<ResourceList>>();

  /** @param namespace of objects that name none */
  constructor(
    private readonly api: KubeApi,
    private readonly transport: Transport,
    private readonly namespace: string,
  ) {}

  /**
   * Applies all manifests in their order, also after one was refused.
   *
   * @param onApplied called after each one that was accepted
   * @throws Error that lists every refusal
   */
  async apply(manifests: readonly Manifest[], onApplied: (count: number) => void): Promise<void> {
    const problems: string[] = [];
    let count = 0;
    for (const manifest of manifests) {
      try {
        await this.applyOne(manifest);
        onApplied((count += 1));
      } catch (error) {
        const { kind, metadata } = manifest.object;
        problems.push(`${manifest.file}: ${kind} '${metadata.name}': ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (problems.length > 0) throw new Error(joinSentences('apply', problems));
  }

  private async applyOne({ object }: Manifest): Promise<void> {
    const type = await this.typeOf(object);
    const namespace = type.namespaced ? (object.metadata.namespace ?? this.namespace) : undefined;
    try {
      await this.api.create(type, { ...object, metadata: { ...object.metadata, namespace } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.api.patch(type, { namespace, name: object.metadata.name }, 'merge', object);
    }
  }

  private async typeOf({ apiVersion, kind }: Manifest['object']): Promise<ResourceType> {
    // Not kept when the kind is missing: a CRD among the manifests may bring it.
    const { resources } = await (this.listByGroupVersion.get(apiVersion) ?? this.discover(apiVersion));
    const resource = resources.find((candidate) => candidate.kind === kind && !candidate.name.includes('/'));
    if (resource !== undefined) return { apiVersion, kind, plural: resource.name, namespaced: resource.namespaced };
    this.listByGroupVersion.delete(apiVersion);
    throw new Error(`kind: expected one that the cluster serves, got '${apiVersion}, ${kind}'`);
  }

  private discover(apiVersion: string): Promise<ResourceList> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const list = this.transport.call({ method: 'GET', path, deadlineMs: LIST_DEADLINE_MS, repeatable: true }).catch((error: unknown) => {
      this.listByGroupVersion.delete(apiVersion);
      if (isNotFound(error)) return { resources: [] };
      throw error;
    });
    // The server answers discovery of a served version in this form.
    this.listByGroupVersion.set(apiVersion, list as Promise<ResourceList>);
    return list as Promise<ResourceList>;
  }
}
