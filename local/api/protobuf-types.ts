/** One field of a message. */
export interface MessageField {
  readonly name: string;
  readonly number: number;
  /** `text`, `bytes`, `int`, `bool`, `ignored`, or the name of a message. */
  readonly type: string;
  readonly form: 'single' | 'list' | 'map';
}

/**
 * The messages that `kubectl create NOUN` and `kubectl auth` send, with the fields that these commands can set, as
 * `name number type`. `[]` marks a list and `{}` a map from text. Status is never taken from a client, so it is ignored.
 *
 * @see the generated.proto files of k8s.io/api and k8s.io/apimachinery
 */
const MESSAGES: Readonly<Record<string, string>> = {
  TypeMeta: 'apiVersion 1 text, kind 2 text',
  ObjectMeta:
    'name 1 text, generateName 2 text, namespace 3 text, selfLink 4 ignored, uid 5 text, resourceVersion 6 text, generation 7 ignored, creationTimestamp 8 ignored, labels 11 {}text, annotations 12 {}text, finalizers 14 []text',
  LabelSelector: 'matchLabels 1 {}text, matchExpressions 2 []LabelSelectorRequirement',
  LabelSelectorRequirement: 'key 1 text, operator 2 text, values 3 []text',
  IntOrString: 'type 1 int, intVal 2 int, strVal 3 text',
  Quantity: 'string 1 text',

  Namespace: 'metadata 1 ObjectMeta, spec 2 ignored, status 3 ignored',
  ConfigMap: 'metadata 1 ObjectMeta, data 2 {}text, binaryData 3 {}bytes, immutable 4 bool',
  Secret: 'metadata 1 ObjectMeta, data 2 {}bytes, type 3 text, stringData 4 {}text, immutable 5 bool',
  ServiceAccount: 'metadata 1 ObjectMeta, automountServiceAccountToken 4 bool',
  ResourceQuota: 'metadata 1 ObjectMeta, spec 2 ResourceQuotaSpec, status 3 ignored',
  ResourceQuotaSpec: 'hard 1 {}Quantity, scopes 2 []text',
  Service: 'metadata 1 ObjectMeta, spec 2 ServiceSpec, status 3 ignored',
  ServiceSpec:
    'ports 1 []ServicePort, selector 2 {}text, clusterIP 3 text, type 4 text, externalIPs 5 []text, sessionAffinity 7 text, loadBalancerIP 8 text, externalName 10 text, externalTrafficPolicy 11 text, healthCheckNodePort 12 ignored, publishNotReadyAddresses 13 bool',
  ServicePort: 'name 1 text, protocol 2 text, port 3 int, targetPort 4 IntOrString, nodePort 5 int',

  Deployment: 'metadata 1 ObjectMeta, spec 2 DeploymentSpec, status 3 ignored',
  DeploymentSpec: 'replicas 1 int, selector 2 LabelSelector, template 3 PodTemplateSpec, strategy 4 DeploymentStrategy, minReadySeconds 5 int, revisionHistoryLimit 6 int, paused 7 bool, progressDeadlineSeconds 9 int',
  DeploymentStrategy: 'type 1 text',
  Job: 'metadata 1 ObjectMeta, spec 2 JobSpec, status 3 ignored',
  JobSpec: 'parallelism 1 int, completions 2 int, activeDeadlineSeconds 3 int, template 6 PodTemplateSpec, backoffLimit 7 int, ttlSecondsAfterFinished 8 int',
  CronJob: 'metadata 1 ObjectMeta, spec 2 CronJobSpec, status 3 ignored',
  CronJobSpec: 'schedule 1 text, startingDeadlineSeconds 2 int, concurrencyPolicy 3 text, suspend 4 bool, jobTemplate 5 JobTemplateSpec',
  JobTemplateSpec: 'metadata 1 ObjectMeta, spec 2 JobSpec',
  PodTemplateSpec: 'metadata 1 ObjectMeta, spec 2 PodSpec',
  PodSpec:
    'containers 2 []Container, restartPolicy 3 text, terminationGracePeriodSeconds 4 int, dnsPolicy 6 text, nodeSelector 7 {}text, serviceAccountName 8 text, serviceAccount 9 text, nodeName 10 text, hostNetwork 11 bool, hostPID 12 bool, hostIPC 13 bool, hostname 16 text, subdomain 17 text, schedulerName 19 text, priorityClassName 24 text',
  Container:
    'name 1 text, image 2 text, command 3 []text, args 4 []text, workingDir 5 text, ports 6 []ContainerPort, env 7 []EnvVar, resources 8 ResourceRequirements, terminationMessagePath 13 text, imagePullPolicy 14 text, stdin 16 bool, stdinOnce 17 bool, tty 18 bool, terminationMessagePolicy 20 text',
  ContainerPort: 'name 1 text, hostPort 2 ignored, containerPort 3 int, protocol 4 text, hostIP 5 text',
  EnvVar: 'name 1 text, value 2 text',
  ResourceRequirements: 'limits 1 {}Quantity, requests 2 {}Quantity',

  Role: 'metadata 1 ObjectMeta, rules 2 []PolicyRule',
  ClusterRole: 'metadata 1 ObjectMeta, rules 2 []PolicyRule',
  PolicyRule: 'verbs 1 []text, apiGroups 2 []text, resources 3 []text, resourceNames 4 []text, nonResourceURLs 5 []text',
  RoleBinding: 'metadata 1 ObjectMeta, subjects 2 []Subject, roleRef 3 RoleRef',
  ClusterRoleBinding: 'metadata 1 ObjectMeta, subjects 2 []Subject, roleRef 3 RoleRef',
  Subject: 'kind 1 text, apiGroup 2 text, name 3 text, namespace 4 text',
  RoleRef: 'apiGroup 1 text, kind 2 text, name 3 text',

  PodDisruptionBudget: 'metadata 1 ObjectMeta, spec 2 PodDisruptionBudgetSpec, status 3 ignored',
  PodDisruptionBudgetSpec: 'minAvailable 1 IntOrString, selector 2 LabelSelector, maxUnavailable 3 IntOrString',
  PriorityClass: 'metadata 1 ObjectMeta, value 2 int, globalDefault 3 bool, description 4 text, preemptionPolicy 5 text',

  SelfSubjectAccessReview: 'metadata 1 ObjectMeta, spec 2 SelfSubjectAccessReviewSpec, status 3 ignored',
  SelfSubjectAccessReviewSpec: 'resourceAttributes 1 ResourceAttributes, nonResourceAttributes 2 NonResourceAttributes',
  ResourceAttributes: 'namespace 1 text, verb 2 text, group 3 text, version 4 text, resource 5 text, subresource 6 text, name 7 text',
  NonResourceAttributes: 'path 1 text, verb 2 text',
  SelfSubjectRulesReview: 'metadata 1 ObjectMeta, spec 2 SelfSubjectRulesReviewSpec, status 3 ignored',
  SelfSubjectRulesReviewSpec: 'namespace 1 text',
  SelfSubjectReview: 'metadata 1 ObjectMeta, status 2 ignored',
};

/** Fields by the name of their message. */
export const MESSAGE_TYPES: Readonly<Record<string, readonly MessageField[] | undefined>> = Object.fromEntries(
  Object.entries(MESSAGES).map(([message, fields]) => [message, fields.split(', ').map(parseField)]),
);

function parseField(text: string): MessageField {
  const [name = '', number = '', type = ''] = text.split(' ');
  const form = type.startsWith('[]') ? 'list' : type.startsWith('{}') ? 'map' : 'single';
  return { name, number: Number(number), type: type.replace(/^(?:\[\]|\{\})/, ''), form };
}
