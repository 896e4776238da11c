import { type ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { clusterObject } from './cluster-object';
import { allCrds } from './schema/crds';

/**
 * The CustomResourceDefinitions of Pool and BatchSandbox.
 *
 * In a chart of their own they become a file of their own, to be applied before everything else. Helm keeps them on uninstall.
 */
export class SandboxCrds extends Construct {
  private readonly objects: readonly ApiObject[];

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.objects = allCrds().map((crd) => clusterObject(this, crd.spec.names.kind, { ...crd }));
  }

  /** The rendered CustomResourceDefinitions, by kind. */
  get apiObjects(): ApiObject[] {
    return [...this.objects];
  }
}
