import { z } from 'zod';

/**
 * A pod template, as far as a mistake in it can be told before any pod is made.
 *
 * The CRDs keep templates without a schema, so this one is what constructs check at synth and what the operator checks before condition
 * `Accepted`. Fields that are not named pass: the API server judges them, pod by pod.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-template-v1/
 */

/** Label of DNS: what the names of containers, pools and batches are. */
export const dnsLabel = () =>
  z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .meta({ expected: 'a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit)' });

/** An amount such as `500m`, `1.5Gi` or 2. */
export const quantity = () =>
  z
    .union([z.number().min(0), z.string().regex(/^\s*(\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?|-0)\s*$/)])
    .meta({ expected: "a quantity such as 2, '500m' or '1.5Gi'" });

const textMap = z.record(z.string(), z.string());
const amounts = z.record(z.string(), quantity());

const container = z.looseObject({
  name: dnsLabel(),
  image: z.string().min(1).optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  workingDir: z.string().optional(),
  env: z.array(z.looseObject({ name: z.string().min(1), value: z.string().optional().meta({ secret: true }) })).optional(),
  ports: z.array(z.looseObject({ containerPort: z.int().min(1).max(65535) })).optional(),
  resources: z.looseObject({ requests: amounts.optional(), limits: amounts.optional() }).optional(),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).optional(),
});

/** Of the node selector terms, which the operator reads when it chooses a Pool. The API server takes null for an empty term or value. */
const nodeSelectorTerm = z
  .looseObject({
    matchExpressions: z
      .array(
        z.looseObject({
          key: z.string(),
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
          values: z.array(z.string().nullable()).optional(),
        }),
      )
      .optional(),
    matchFields: z.array(z.unknown()).optional(),
  })
  .nullable();

const nodeAffinity = z.looseObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.looseObject({ nodeSelectorTerms: z.array(nodeSelectorTerm).optional() }).optional(),
});

export const podTemplate = z.looseObject({
  metadata: z
    .looseObject({ labels: textMap.optional(), annotations: textMap.optional(), finalizers: z.array(z.string()).optional() })
    .optional(),
  spec: z.looseObject({
    containers: z.array(container).min(1),
    initContainers: z.array(container).optional(),
    volumes: z.array(z.looseObject({ name: dnsLabel() })).optional(),
    nodeSelector: textMap.optional(),
    affinity: z.looseObject({ nodeAffinity: nodeAffinity.optional() }).optional(),
    restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).optional(),
    terminationGracePeriodSeconds: z.int().min(0).optional(),
    shareProcessNamespace: z.boolean().optional(),
  }),
});

/** A template in which no mistake was found. */
export type PodTemplateShape = z.output<typeof podTemplate>;
/** Conditions on the labels of a node that hold together. */
export type NodeSelectorTerm = z.output<typeof nodeSelectorTerm>;
