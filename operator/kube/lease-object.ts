import type { KubeObject } from '../../src/schema/kubernetes';

/**
 * A Lease of coordination.k8s.io/v1.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
 */
export interface Lease extends KubeObject {
  readonly spec?: {
    /** Empty or absent: nobody. */
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number;
    /** RFC 3339 with six digits of a second. */
    readonly acquireTime?: string;
    /** RFC 3339 with six digits of a second; only its change is read, since clocks of machines differ. */
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}
