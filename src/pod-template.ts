import { ApiObject, resolve } from 'cdk8s';
import { type AbstractPod } from 'cdk8s-plus-28';
import { ACYCLIC_SENTENCE, hasCycle, isPlainObject } from './plain-data';
import { type Problems } from './problems';
import { type PodTemplateSpec } from './schema/kubernetes';
import { isRecord } from './schema/validation';

/**
 * The pod of a pool or fleet, from any of the forms in which people write pods.
 *
 * Everything that Kubernetes allows in a pod is allowed here and passes through unchanged.
 */
export class PodTemplate {
  /**
   * From a pod spec.
   *
   * @param spec A PodSpec as plain data, or an imported `k8s.PodSpec`.
   * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
   */
  static fromSpec(spec: object): PodTemplate {
    return new PodTemplate(() => ({ spec }));
  }

  /**
   * From a pod template: a pod spec with labels and annotations for each pod.
   *
   * @param template A PodTemplateSpec, `{ metadata, spec }`, as in a Deployment.
   * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-template-v1/#PodTemplateSpec
   */
  static fromTemplate(template: object): PodTemplate {
    return new PodTemplate(() => template);
  }

  /**
   * From a cdk8s-plus pod or workload, such as `Pod` or `Deployment`.
   *
   * The pod becomes a template and is taken out of its chart: it is not rendered as an object of its own any more.
   * What is done to it later, such as `addContainer`, still counts.
   *
   * @param pod The pod or workload; of a workload, its pod template is used.
   */
  static fromPod(pod: AbstractPod): PodTemplate {
    // Without types anything may arrive here; what is no pod is reported at synth, with everything else.
    pod?.node?.scope?.node.tryRemoveChild(pod.node.id);
    return new PodTemplate(() => templateOfManifest(ApiObject.of(pod).toJson()));
  }

  private constructor(private readonly produce: () => unknown) {}

  /**
   * The template as plain data; undefined, with a problem, when there is none. `owner` is the object that will hold it.
   *
   * @internal
   */
  static _render(problems: Problems, template: unknown, owner: ApiObject): PodTemplateSpec | undefined {
    if (!(template instanceof PodTemplate)) {
      problems.add('template', 'a PodTemplate', template, 'write PodTemplate.fromSpec(…), .fromTemplate(…) or .fromPod(…)');
      return undefined;
    }
    try {
      const written = template.produce();
      if (hasCycle(written)) {
        problems.addKind('template', ACYCLIC_SENTENCE, written);
        return undefined;
      }
      const plain: unknown = resolve([], unwrap(written), owner);
      if (isRecord(plain)) {
        return withoutEmptyMaps(plain);
      }
      problems.add('template', 'an object', plain);
    } catch (error) {
      problems.add('template', 'a pod that renders', error instanceof Error ? error.message : error);
    }
    return undefined;
  }
}

function templateOfManifest(manifest: unknown): unknown {
  const { kind, metadata, spec } = manifest as { kind: string; metadata?: PodTemplateSpec['metadata']; spec?: Record<string, unknown> };
  if (kind === 'Pod') {
    return { metadata: { labels: metadata?.labels, annotations: metadata?.annotations, finalizers: metadata?.finalizers }, spec };
  }
  return kind === 'CronJob' ? templateOfManifest({ kind: 'Job', ...(spec?.jobTemplate as object) }) : spec?.template;
}

/** Replaces imported `Quantity` and `IntOrString` values by their content; cdk8s does so only inside imported classes. */
function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(unwrap);
  }
  if (!isRecord(value)) {
    return value;
  }
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, unwrap(field)]));
  }
  return typeof value.value === 'string' || typeof value.value === 'number' ? value.value : value;
}

/** Empty labels and annotations would show up as differences for ever, since the API server drops them. */
function withoutEmptyMaps({ metadata, ...template }: Readonly<Record<string, unknown>>): PodTemplateSpec {
  if (!isRecord(metadata)) {
    return metadata === undefined ? template : { ...template, metadata: metadata as PodTemplateSpec['metadata'] };
  }
  const fields = Object.entries(metadata).filter(([, field]) => field !== undefined && !(isRecord(field) && Object.keys(field).length === 0));
  return fields.length === 0 ? template : { ...template, metadata: Object.fromEntries(fields) };
}
