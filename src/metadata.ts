import { ApiObject, type ApiObjectMetadata, Chart } from 'cdk8s';
import { DNS_LABEL_SENTENCE, isDnsLabel, isLabelValue, isQualifiedName } from './kube-syntax';
import { type Problems } from './problems';
import { isRecord } from './schema/validation';

const FIELDS = ['name', 'namespace', 'labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

/** The part of `metadata` that cdk8s can take without failing; {@link checkMetadata} names the rest. */
export function toMetadata(metadata: unknown): ApiObjectMetadata {
  if (!isRecord(metadata)) {
    return {};
  }
  const { name, namespace, labels, annotations, finalizers, ownerReferences } = metadata as ApiObjectMetadata;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof namespace === 'string' ? { namespace } : {}),
    ...(isRecord(labels) ? { labels } : {}),
    ...(isRecord(annotations) ? { annotations } : {}),
    ...(Array.isArray(finalizers) ? { finalizers } : {}),
    ...(Array.isArray(ownerReferences) ? { ownerReferences } : {}),
  };
}

/** Checks the `metadata` prop as the user wrote it, and the name and namespace that each object got. */
export function checkMetadata(problems: Problems, metadata: unknown, objects: readonly ApiObject[]): void {
  if (metadata !== undefined && problems.checkKeys('metadata', metadata, FIELDS)) {
    for (const field of ['name', 'namespace'] as const) {
      if (metadata[field] !== undefined && !isDnsLabel(metadata[field])) {
        problems.add(`metadata.${field}`, DNS_LABEL_SENTENCE, metadata[field]);
      }
    }
    checkLabels(problems, 'metadata', metadata);
    for (const field of ['finalizers', 'ownerReferences'] as const) {
      if (metadata[field] !== undefined && !Array.isArray(metadata[field])) {
        problems.add(`metadata.${field}`, 'a list', metadata[field]);
      }
    }
  }
  const written = isRecord(metadata) ? metadata : {};
  for (const { name } of objects) {
    if (name !== written.name && !isDnsLabel(name)) {
      problems.add('metadata.name', `${DNS_LABEL_SENTENCE} for each object`, name, 'choose another name');
    }
  }
  const namespace = objects[0]?.metadata.namespace;
  if (written.namespace === undefined && namespace !== undefined && !isDnsLabel(namespace)) {
    problems.add('metadata.namespace', `${DNS_LABEL_SENTENCE} from the chart`, namespace);
  }
  checkNamesakes(problems, objects);
}

/** Two objects of one file with one name would overwrite each other; another chart may well be for another cluster. */
function checkNamesakes(problems: Problems, objects: readonly ApiObject[]): void {
  const charts = [...new Set(objects.map((object) => Chart.of(object)))];
  const ofCharts = charts.flatMap((chart) => chart.node.findAll()).filter((node) => ApiObject.isApiObject(node)) as ApiObject[];
  const own = new Map(objects.map((object) => [identityOf(object), object]));
  for (const other of ofCharts) {
    const object = own.get(identityOf(other));
    if (object !== undefined && object !== other) {
      problems.add('metadata.name', `a name that no other ${object.kind} of the chart has`, object.name, `'${other.node.path}' has it too`);
    }
  }
}

function identityOf(object: ApiObject): string {
  const { apiGroup, kind, name, metadata } = object;
  return [Chart.of(object).node.path, apiGroup, kind, metadata.namespace, name].join(' ');
}

/** Checks `labels` and `annotations` of the metadata at `path`. */
export function checkLabels(problems: Problems, path: string, metadata: Readonly<Record<string, unknown>>): void {
  checkMap(problems, `${path}.labels`, metadata.labels, isLabelValue, 'a label value (at most 63 letters, digits, -, _ and .)');
  checkMap(problems, `${path}.annotations`, metadata.annotations, (value) => typeof value === 'string', 'text');
}

function checkMap(problems: Problems, path: string, map: unknown, isValue: (value: unknown) => boolean, sentence: string): void {
  if (map === undefined) {
    return;
  }
  if (!isRecord(map)) {
    problems.add(path, 'an object', map);
    return;
  }
  for (const [key, value] of Object.entries(map)) {
    if (!isQualifiedName(key)) {
      problems.add(path, 'keys such as app or example.com/app', key);
    }
    if (!isValue(value)) {
      problems.add(`${path}['${key}']`, sentence, value);
    }
  }
}
