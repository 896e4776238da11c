import type { ApiObject } from './api-object';
import { ageText } from './age';
import { compileJsonPath } from './json-path';
import { type JsonObject, toJsonObject, valueAt } from './json';
import type { Column } from './resource-kind';

/** The column every kind has, and the age of kinds that say nothing else. */
export const NAME: Column = { name: 'Name', type: 'string', format: 'name', value: ({ metadata }) => metadata.name };
export const AGE: Column = { name: 'Age', type: 'string', value: ({ metadata }, now) => ageText(metadata.creationTimestamp, now) };

/** A column as a CRD defines it. @throws Error when its path can not be read */
export function crdColumn(definition: JsonObject): Column {
  const { name, type, jsonPath, format, description, priority } = definition;
  const find = compileJsonPath(String(jsonPath));
  return {
    name: String(name),
    type: String(type),
    ...(typeof format === 'string' ? { format } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(typeof priority === 'number' ? { priority } : {}),
    value: (object, now) => cellOf(find(object)[0], String(type), now),
  };
}

/** A column that shows the text at a path. */
export function field(name: string, path: string, priority = 0): Column {
  const find = compileJsonPath(path);
  return { name, type: 'string', priority, value: (object) => cellOf(find(object)[0], 'string', new Date(0)) ?? '<none>' };
}

function cellOf(value: unknown, type: string, now: Date): unknown {
  if (value === undefined) return undefined;
  if (type === 'date') return ageText(String(value), now);
  if (type === 'integer') return typeof value === 'number' ? Math.trunc(value) : undefined;
  if (type === 'number') return typeof value === 'number' ? value : undefined;
  if (type === 'boolean') return typeof value === 'boolean' ? value : undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Columns of pods, as people know them. */
export const POD_COLUMNS: readonly Column[] = [
  NAME,
  { name: 'Ready', type: 'string', value: (pod) => `${containerStatuses(pod).filter(({ ready }) => ready === true).length}/${listAt(pod, ['spec', 'containers']).length}` },
  { name: 'Status', type: 'string', value: podReason },
  { name: 'Restarts', type: 'string', value: (pod) => String(containerStatuses(pod).reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0)) },
  AGE,
  field('IP', '.status.podIP', 1),
  field('Node', '.spec.nodeName', 1),
  field('Nominated Node', '.status.nominatedNodeName', 1),
  { name: 'Readiness Gates', type: 'string', priority: 1, value: () => '<none>' },
];

/** One word for how a pod is: the reason of a container that waits or has ended, else the phase. */
function podReason(pod: ApiObject): string {
  const { phase, reason } = toJsonObject(pod.status);
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const waiting = containerStatuses(pod).map(({ state }) => toJsonObject(toJsonObject(state).waiting).reason ?? (phase === 'Running' ? undefined : toJsonObject(toJsonObject(state).terminated).reason));
  return String(waiting.find((text) => text !== undefined) ?? reason ?? phase ?? 'Unknown');
}

function containerStatuses(pod: ApiObject): readonly JsonObject[] {
  return listAt(pod, ['status', 'containerStatuses']).map(toJsonObject);
}

function listAt(object: ApiObject, path: readonly string[]): readonly unknown[] {
  const value = valueAt(object, path);
  return Array.isArray(value) ? value : [];
}

/** Number of keys in a map of the object, as for ConfigMaps and Secrets. */
export function keyCount(name: string, path: readonly string[]): Column {
  return { name, type: 'integer', value: (object) => Object.keys(toJsonObject(valueAt(object, path))).length };
}

/** `ready/wanted` of a workload. */
export const WORKLOAD_READY: Column = {
  name: 'Ready',
  type: 'string',
  value: (object) => `${valueAt(object, ['status', 'readyReplicas']) ?? 0}/${valueAt(object, ['spec', 'replicas']) ?? 1}`,
};

/** Age of an event: when it was last seen. */
export const LAST_SEEN: Column = {
  name: 'Last Seen',
  type: 'string',
  value: (event, now) => {
    const at = event.lastTimestamp ?? toJsonObject(event.series).lastObservedTime ?? event.eventTime ?? event.metadata.creationTimestamp;
    return ageText(String(at), now);
  },
};

/** What an event is about, as `kind/name`. */
export const INVOLVED_OBJECT: Column = {
  name: 'Object',
  type: 'string',
  value: (event) => {
    const { kind, name } = toJsonObject(event.involvedObject);
    return `${String(kind ?? '').toLowerCase()}/${String(name ?? '')}`;
  },
};
