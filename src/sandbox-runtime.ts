import { ApiObject, Chart, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { clusterObject } from './cluster-object';
import { DNS_LABEL_SENTENCE, isDnsLabel } from './kube-syntax';
import { checkPoolAssignment, type PoolAssignmentOptions, renderPoolAssignment } from './pool-assignment';
import { Problems, reportAtSynth } from './problems';
import { addPeopleRoles, addRole, type RoleDefinition } from './runtime-access';
import { renderNetworkPolicy } from './runtime-network';
import { addServer, renderServerDeployment } from './runtime-server';
import { checkController, type ControllerOptions, renderDeployment, replicasOf } from './runtime-workload';
import { SandboxCrds } from './sandbox-crds';
import { OPERATOR_ACCESS } from './schema/access';
import { ASSIGN_PROFILES, OPERATOR_LABELS, Port, SIGNING_SECRET } from './schema/names';
import { isRecord } from './schema/validation';
import { checkServer, type ServerOptions } from './server-options';

/** Properties of a SandboxRuntime. */
export interface SandboxRuntimeProps {
  /**
   * Namespace of the operator.
   *
   * @default - the namespace of the chart, otherwise 'opensandbox-system'
   * @throws SYNTH_INVALID when it is no DNS label
   */
  readonly namespace?: string;

  /**
   * Whether the namespace is part of the output.
   *
   * @default false
   */
  readonly createNamespace?: boolean;

  /**
   * Whether the CRDs are part of the output. For a file of their own, leave them out here and add SandboxCrds to another chart.
   *
   * @default true
   */
  readonly installCrds?: boolean;

  /**
   * Namespaces whose pools and fleets the operator serves; it gets a Role in each.
   *
   * @default - its own namespace
   * @throws SYNTH_INVALID when it is empty, or set beside `clusterWide`
   */
  readonly watchNamespaces?: string[];

  /**
   * Whether the operator serves all namespaces, by a ClusterRole.
   *
   * @default false
   */
  readonly clusterWide?: boolean;

  /**
   * The operator's Deployment.
   *
   * @default - two replicas with leader election
   */
  readonly controller?: ControllerOptions;

  /**
   * The lifecycle server, which the public OpenSandbox SDKs call.
   *
   * @default - none
   */
  readonly server?: ServerOptions;

  /**
   * How the pool of a fleet with SandboxPool.any() is chosen, as a ConfigMap in the operator's namespace. A change is in force at once, for
   * fleets that have no pool yet.
   *
   * @default - the operator's own: all three of PoolPredicate, PoolBalance.LEAST_ALLOCATED
   */
  readonly poolAssignment?: PoolAssignmentOptions;

  /**
   * Whether the operator serves metrics, by plain HTTP on port 8443 behind a Service.
   *
   * @default true
   */
  readonly metrics?: boolean;

  /**
   * Whether a NetworkPolicy keeps everybody from the operator's pods. Metrics, which ask nobody for a token, are open to pods in namespaces
   * with the label `metrics: enabled`. The operator's own calls are not limited.
   *
   * @default true
   */
  readonly networkPolicy?: boolean;

  /**
   * Whether there are ClusterRoles with which people look after pools and fleets; they aggregate into `edit`, `admin` and `view`.
   *
   * @default true
   */
  readonly roles?: boolean;
}

const PROPS: Readonly<Record<keyof SandboxRuntimeProps, true>> = {
  namespace: true,
  createNamespace: true,
  installCrds: true,
  watchNamespaces: true,
  clusterWide: true,
  controller: true,
  server: true,
  poolAssignment: true,
  metrics: true,
  networkPolicy: true,
  roles: true,
};

/** Has Kubernetes refuse pods with more rights than the operator needs. @see https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };

/** Name of the operator's Deployment and of what belongs to it. */
const NAME = 'opensandbox-controller-manager';

/** What a cluster needs to make pools and fleets true: CRDs, the operator and its rights. */
export class SandboxRuntime extends Construct {
  /** Namespace of the operator. */
  readonly namespace: string;
  /** The operator's Deployment, for `addJsonPatch` and dependencies. */
  readonly deployment: ApiObject;
  /** The operator's ServiceAccount. */
  readonly serviceAccount: ApiObject;

  /**
   * The Deployment of the lifecycle server.
   *
   * @default - undefined, without the prop `server`
   */
  readonly serverDeployment?: ApiObject;

  private readonly props: SandboxRuntimeProps;

  constructor(scope: Construct, id: string, props: SandboxRuntimeProps = {}) {
    super(scope, id);
    this.props = isRecord(props) ? { ...(props as SandboxRuntimeProps) } : {};
    this.namespace = typeof this.props.namespace === 'string' ? this.props.namespace : (Chart.of(this).namespace ?? 'opensandbox-system');
    if (this.props.createNamespace === true) {
      clusterObject(this, 'Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace, labels: RESTRICTED } });
    }
    if (this.props.installCrds !== false) {
      new SandboxCrds(this, 'Crds');
    }
    this.serviceAccount = this.addObject('ServiceAccount', 'v1', 'ServiceAccount', {});
    this.addAccess();
    this.deployment = this.addObject('Resource', 'apps/v1', 'Deployment', { spec: this.renderDeployment(new Problems()) });
    this.addPoolAssignment();
    this.addMetricsService();
    this.addNetworkPolicy();
    this.addDisruptionBudget();
    if (isRecord(this.props.server)) {
      this.serverDeployment = addServer(new Construct(this, 'Server'), this.props.server as unknown as ServerOptions, this.namespace);
    }
    reportAtSynth(this, 'SandboxRuntime', (problems) => this.check(problems));
  }

  private addObject(id: string, apiVersion: string, kind: string, content: object, name: string = NAME): ApiObject {
    return new ApiObject(this, id, { apiVersion, kind, metadata: { name, namespace: this.namespace, labels: { ...OPERATOR_LABELS } }, ...content });
  }

  private get controller(): ControllerOptions {
    return isRecord(this.props.controller) ? (this.props.controller as ControllerOptions) : {};
  }

  /** Namespaces that the operator serves; empty means all. */
  private get namespaces(): readonly string[] {
    const { watchNamespaces, clusterWide } = this.props;
    if (clusterWide === true) {
      return [];
    }
    return Array.isArray(watchNamespaces) ? [...new Set<string>(watchNamespaces.filter(isDnsLabel))].sort() : [this.namespace];
  }

  private addAccess(): void {
    const subject = { kind: 'ServiceAccount', name: NAME, namespace: this.namespace };
    this.addSigningSecret(subject);
    addRole(this, 'LeaderElection', { name: 'opensandbox-leader-election', namespace: this.namespace, rules: OPERATOR_ACCESS.own, subject });
    if (this.props.clusterWide === true) {
      addRole(this, 'Manager', { name: `${this.namespace}-sandbox-k8s-manager`, rules: OPERATOR_ACCESS.served, subject });
    }
    for (const namespace of this.namespaces) {
      addRole(this, `Manager-${namespace}`, { name: 'opensandbox-manager', namespace, rules: OPERATOR_ACCESS.served, subject });
    }
    if (this.props.roles !== false) {
      addPeopleRoles(this, `${this.namespace}-sandbox-k8s`);
    }
  }

  /**
   * The Secret is rendered without content, so that nothing secret is in a manifest; the operator puts its key there, and applying the manifest
   * again leaves it alone.
   */
  private addSigningSecret(subject: RoleDefinition['subject']): void {
    if (this.controller.signingKey === undefined) {
      this.addObject('SigningSecret', 'v1', 'Secret', { type: 'Opaque' }, SIGNING_SECRET);
      addRole(this, 'Signing', { name: 'opensandbox-signing', namespace: this.namespace, rules: OPERATOR_ACCESS.signing, subject });
    }
  }

  private addPoolAssignment(): void {
    const { poolAssignment } = this.props;
    if (isRecord(poolAssignment)) {
      this.addObject('PoolAssignment', 'v1', 'ConfigMap', { data: Lazy.any({ produce: () => renderPoolAssignment(poolAssignment) }) }, ASSIGN_PROFILES);
    }
  }

  private addNetworkPolicy(): void {
    if (this.props.networkPolicy !== false) {
      this.addObject('NetworkPolicy', 'networking.k8s.io/v1', 'NetworkPolicy', { spec: renderNetworkPolicy(OPERATOR_LABELS, this.props.metrics !== false) });
    }
  }

  private addMetricsService(): void {
    if (this.props.metrics !== false) {
      const port = { name: 'metrics', port: Port.operatorMetrics, targetPort: 'metrics', protocol: 'TCP' };
      this.addObject('Metrics', 'v1', 'Service', { spec: { type: 'ClusterIP', selector: { ...OPERATOR_LABELS }, ports: [port] } }, `${NAME}-metrics`);
    }
  }

  private addDisruptionBudget(): void {
    if (Number(replicasOf(this.controller)) > 1) {
      this.addObject('DisruptionBudget', 'policy/v1', 'PodDisruptionBudget', {
        spec: { maxUnavailable: 1, selector: { matchLabels: { ...OPERATOR_LABELS } } },
      });
    }
  }

  private renderDeployment(problems: Problems): object {
    return renderDeployment(problems, this.controller, {
      serviceAccountName: NAME,
      labels: OPERATOR_LABELS,
      namespaces: this.namespaces,
      metrics: this.props.metrics !== false,
    });
  }

  private checkServer(problems: Problems): void {
    const { server } = this.props;
    if (server === undefined) {
      return;
    }
    checkServer(problems, server);
    if (isRecord(server)) {
      const options = server as unknown as ServerOptions;
      const { sandboxNamespace = this.namespace } = options;
      renderServerDeployment(problems, options, '');
      if (this.namespaces.length > 0 && isDnsLabel(sandboxNamespace) && !this.namespaces.includes(sandboxNamespace)) {
        problems.add('server.sandboxNamespace', `a namespace that the operator serves (${this.namespaces.join(', ')})`, sandboxNamespace, 'add it to watchNamespaces');
      }
    }
  }

  private check(problems: Problems): void {
    const { namespace, watchNamespaces, clusterWide, controller = {}, poolAssignment = {} } = this.props;
    problems.checkKeys('', this.props, Object.keys(PROPS));
    for (const prop of ['createNamespace', 'installCrds', 'clusterWide', 'metrics', 'networkPolicy', 'roles'] as const) {
      if (this.props[prop] !== undefined && typeof this.props[prop] !== 'boolean') {
        problems.add(prop, 'true or false', this.props[prop]);
      }
    }
    if (!isDnsLabel(namespace ?? this.namespace)) {
      problems.add('namespace', DNS_LABEL_SENTENCE, namespace ?? this.namespace);
    }
    if (watchNamespaces !== undefined && !(Array.isArray(watchNamespaces) && watchNamespaces.length > 0)) {
      problems.add('watchNamespaces', 'a list of at least 1 namespace', watchNamespaces, 'set clusterWide for all namespaces');
    } else if (watchNamespaces !== undefined && clusterWide === true) {
      problems.add('watchNamespaces', 'nothing beside clusterWide', watchNamespaces, 'leave one of the two out');
    }
    for (const [index, name] of (Array.isArray(watchNamespaces) ? watchNamespaces : []).entries()) {
      if (!isDnsLabel(name)) {
        problems.add(`watchNamespaces[${index}]`, DNS_LABEL_SENTENCE, name);
      }
    }
    checkController(problems, controller);
    checkPoolAssignment(problems, poolAssignment);
    this.checkServer(problems);
    this.renderDeployment(problems);
  }
}
