import { z } from 'zod';
import { GROUP, VERSION, API_VERSION } from './names';
import { toOpenApi } from './openapi';
import type { StructuralSchema } from './structural';
import { parse, type Parsed } from './validation';

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'integer' | 'string' | 'date';
  /** What the numbers count, with unit; a client shows it on request. */
  readonly description: string;
  /** Where the value stands, such as `.status.ready`. */
  readonly jsonPath: string;
  /** 0 is always shown, 1 only with `-o wide`. @default 0 */
  readonly priority?: number;
}

/** Names and schemas of one kind, as a person writes them down. */
export interface ResourceDefinition<Spec extends z.ZodObject, Status extends z.ZodObject> {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** What `kubectl explain` says of the kind. */
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly Column[];
  /** Paths of the scale subresource. @default - no scale subresource */
  readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string };
}

/** One kind of the group: what CRDs, roles and client paths are made from. */
export interface Resource<Spec extends z.ZodObject, Status extends z.ZodObject> extends ResourceDefinition<Spec, Status> {
  readonly apiVersion: string;
  /** The CRD, a new object each time with the same bytes. */
  crd(): CustomResourceDefinition;
  /** Spec, with defaults, and status of an object from the API; unknown fields are dropped, metadata is not looked at. Never throws. */
  parse(object: unknown): Parsed<{ readonly spec: z.output<Spec>; readonly status?: z.output<Status> }>;
}

/** A CRD with one version. @see https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/ */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
    };
    readonly scope: 'Namespaced';
    readonly versions: readonly {
      readonly name: string;
      readonly served: true;
      readonly storage: true;
      readonly additionalPrinterColumns: readonly Column[];
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
      readonly subresources: {
        readonly status: Readonly<Record<string, never>>;
        readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string };
      };
    }[];
  };
}

/** A kind of the group from its definition. */
export function defineResource<Spec extends z.ZodObject, Status extends z.ZodObject>(
  definition: ResourceDefinition<Spec, Status>,
): Resource<Spec, Status> {
  const { spec, status } = definition;
  const object = z.object({ spec, status: status.optional() });
  return {
    ...definition,
    apiVersion: API_VERSION,
    crd: () => toCrd(definition),
    // The cast repeats what the line above says; the compiler does not see it through the type parameters.
    parse: (value) => parse(object, value) as ReturnType<Resource<Spec, Status>['parse']>,
  };
}

function toCrd({
  kind,
  plural,
  singular,
  shortNames,
  description,
  spec,
  status,
  columns,
  scale,
}: ResourceDefinition<z.ZodObject, z.ZodObject>): CustomResourceDefinition {
  const openAPIV3Schema: StructuralSchema = {
    description,
    type: 'object',
    properties: {
      apiVersion: { description: `Version of the API; always ${API_VERSION}.`, type: 'string' },
      kind: { description: `Kind of the object; always ${kind}.`, type: 'string' },
      metadata: { type: 'object' },
      spec: toOpenApi(spec),
      status: toOpenApi(status),
    },
    required: ['spec'],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      // Without it, a Helm upgrade that leaves the CRDs out would delete them, and with them every sandbox.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, ...(shortNames.length > 0 && { shortNames }) },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema },
          subresources: { status: {}, ...(scale !== undefined && { scale }) },
        },
      ],
    },
  };
}
