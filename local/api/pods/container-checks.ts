import { duplicateValue, type FieldPath, type FieldProblem, forbiddenField, invalidValue, requiredValue } from '../field-problem';
import { isJsonObject, type JsonObject, objectsOf, toJsonObject } from '../json';
import { checkResources } from './resource-checks';

/** What a container is judged by beside itself. */
export interface PodContext {
  readonly volumeNames: readonly unknown[];
  readonly usesHostNetwork: boolean;
}

/** Everything wrong with a container at `path` that its schema can not tell, beside its name. */
export function checkContainer(container: JsonObject, path: FieldPath, context: PodContext): FieldProblem[] {
  return [
    ...checkImage(container.image, [...path, 'image']),
    ...checkPorts(objectsOf(container.ports), [...path, 'ports'], context),
    ...objectsOf(container.env).flatMap((variable, i) => checkVariable(variable, [...path, 'env', i])),
    ...objectsOf(container.envFrom).flatMap((source) => oneOf(source, ['configMapRef', 'secretRef'], [...path, 'envFrom'])),
    ...checkMounts(objectsOf(container.volumeMounts), [...path, 'volumeMounts'], context),
    ...checkResources(toJsonObject(container.resources), [...path, 'resources']),
    ...['readinessProbe', 'livenessProbe', 'startupProbe'].flatMap((field) => checkProbe(container[field], [...path, field], field !== 'readinessProbe')),
    ...Object.entries(toJsonObject(container.lifecycle)).flatMap(([field, handler]) => (isJsonObject(handler) ? checkHandler(handler, [...path, 'lifecycle', field]) : [])),
    ...checkPrivileges(toJsonObject(container.securityContext), [...path, 'securityContext']),
  ];
}

function checkImage(image: unknown, path: FieldPath): FieldProblem[] {
  if (typeof image !== 'string' || image.trim() === '') return [requiredValue(path)];
  return image === image.trim() ? [] : [invalidValue(path, image, 'must not have leading or trailing whitespace')];
}

function checkPorts(ports: readonly JsonObject[], path: FieldPath, { usesHostNetwork }: PodContext): FieldProblem[] {
  const seen = new Set<unknown>();
  return ports.flatMap(({ name, containerPort, hostPort }, i) => {
    const whys = typeof name === 'string' && name !== '' ? whyNotPortName(name) : [];
    const isRepeated = name !== undefined && seen.has(name);
    seen.add(name);
    return [
      ...whys.map((why) => invalidValue([...path, i, 'name'], name, why)),
      ...(isRepeated ? [duplicateValue([...path, i, 'name'], name)] : []),
      ...(usesHostNetwork && hostPort !== undefined && hostPort !== 0 && hostPort !== containerPort ? [invalidValue([...path, i, 'hostPort'], hostPort, 'must match `containerPort` when `hostNetwork` is true')] : []),
    ];
  });
}

function whyNotPortName(name: string): string[] {
  return [
    ...(name.length > 15 ? ['must be no more than 15 characters'] : []),
    ...(/^[-a-z0-9]*$/.test(name) ? [] : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
    ...(/[a-z]/.test(name) ? [] : ['must contain at least one letter (a-z)']),
    ...(name.includes('--') ? ['must not contain consecutive hyphens'] : []),
    ...(/^-|-$/.test(name) ? ['must not begin or end with a hyphen'] : []),
  ];
}

const VARIABLE_SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'];

function checkVariable({ name, value, valueFrom }: JsonObject, path: FieldPath): FieldProblem[] {
  const problems = typeof name !== 'string' || name === '' ? [requiredValue([...path, 'name'])] : [];
  if (typeof name === 'string' && !/^[ -<>-~]*$/.test(name)) {
    problems.push(invalidValue([...path, 'name'], name, "a valid environment variable name must consist only of printable ASCII characters other than '='"));
  }
  if (!isJsonObject(valueFrom)) return problems;
  const at = [...path, 'valueFrom'];
  const keys = ['configMapKeyRef', 'secretKeyRef'].filter((source) => isJsonObject(valueFrom[source]) && (valueFrom[source].key ?? '') === '');
  return [
    ...problems,
    ...(value !== undefined && value !== '' ? [invalidValue(at, '', 'may not be specified when `value` is not empty')] : []),
    ...oneOf(valueFrom, VARIABLE_SOURCES, at),
    ...keys.map((source) => requiredValue([...at, source, 'key'])),
  ];
}

/** Exactly one of several ways must be taken. */
function oneOf(object: JsonObject, names: readonly string[], path: FieldPath): FieldProblem[] {
  const taken = names.filter((name) => object[name] !== undefined).length;
  if (taken === 1) return [];
  const quoted = names.map((name) => `\`${name}\``);
  const list = [quoted.slice(0, -1).join(', '), quoted.at(-1)].join(' or ');
  return [invalidValue(path, '', taken === 0 ? `must specify one of: ${list}` : 'may not have more than one field specified at a time')];
}

function checkMounts(mounts: readonly JsonObject[], path: FieldPath, { volumeNames }: PodContext): FieldProblem[] {
  const seen = new Set<unknown>();
  return mounts.flatMap(({ name, mountPath, subPath }, i) => {
    const isRepeated = seen.has(mountPath);
    seen.add(mountPath);
    return [
      ...(volumeNames.includes(name) ? [] : [notFound([...path, i, 'name'], name)]),
      ...(mountPath === '' ? [requiredValue([...path, i, 'mountPath'])] : []),
      ...(isRepeated ? [invalidValue([...path, i, 'mountPath'], mountPath, 'must be unique')] : []),
      ...checkSubPath(subPath, [...path, 'subPath']),
    ];
  });
}

function notFound(path: FieldPath, value: unknown): FieldProblem {
  return { ...invalidValue(path, value, ''), reason: 'FieldValueNotFound', body: `Not found: ${JSON.stringify(value)}` };
}

function checkSubPath(subPath: unknown, path: FieldPath): FieldProblem[] {
  if (typeof subPath !== 'string') return [];
  if (subPath.startsWith('/')) return [invalidValue(path, subPath, 'must be a relative path')];
  return subPath.split('/').includes('..') ? [invalidValue(path, subPath, "must not contain '..'")] : [];
}

function checkProbe(probe: unknown, path: FieldPath, mustSucceedOnce: boolean): FieldProblem[] {
  if (!isJsonObject(probe)) return [];
  const { successThreshold = 1 } = probe;
  return [...checkHandler(probe, path), ...(mustSucceedOnce && successThreshold !== 1 ? [invalidValue([...path, 'successThreshold'], successThreshold, 'must be 1')] : [])];
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

function checkHandler(handler: JsonObject, path: FieldPath): FieldProblem[] {
  const taken = HANDLERS.filter((name) => handler[name] !== undefined);
  if (taken.length === 0) return [requiredValue(path, 'must specify a handler type')];
  const { command } = toJsonObject(handler.exec);
  return [
    ...taken.slice(1).map((name) => forbiddenField([...path, name], 'may not specify more than 1 handler type')),
    ...(handler.exec !== undefined && (!Array.isArray(command) || command.length === 0) ? [requiredValue([...path, 'exec', 'command'])] : []),
    ...['httpGet', 'tcpSocket'].flatMap((name) => (isJsonObject(handler[name]) ? checkPort(handler[name].port, [...path, name, 'port']) : [])),
  ];
}

function checkPort(port: unknown, path: FieldPath): FieldProblem[] {
  if (typeof port === 'string') return whyNotPortName(port).map((why) => invalidValue(path, port, why));
  const number = port ?? 0;
  return typeof number === 'number' && number >= 1 && number <= 65535 ? [] : [invalidValue(path, number, 'must be between 1 and 65535, inclusive')];
}

function checkPrivileges({ privileged, allowPrivilegeEscalation }: JsonObject, path: FieldPath): FieldProblem[] {
  return privileged === true && allowPrivilegeEscalation === false ? [invalidValue(path, { privileged, allowPrivilegeEscalation }, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')] : [];
}
