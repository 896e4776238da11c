import { executorSettings } from './executor-settings';
import type { Container, PodSpec } from './kubernetes';
import { EnvVar, EXECUTOR_CONTAINER } from './names';
import { isRecord } from './validation';

/** What a pod's executor is given beside what follows from the pod itself. */
export interface ExecutorCompletion {
  /**
   * Public keys, as PEM, that requests to the executor must be signed for.
   *
   * @default - nothing is said about authentication
   */
  readonly publicKeys?: string;
}

/** Volume that is added for the executor's records, so that they outlive a restart of its container. */
export const EXECUTOR_DATA_VOLUME = 'sandbox-tasks';

const SETTINGS = executorSettings.table;
/** What says how the executor knows its callers. The audience too: the operator signs for the UID of the pod, and for nothing else. */
const AUTHENTICATION = [SETTINGS.authPublicKey, SETTINGS.authPublicKeyFile, SETTINGS.authAudience];

/**
 * The pod with what its executor needs and does not say itself; what somebody has set stays as it is.
 *
 * The executor is the container named `task-executor`. It gets the keys; sidecar mode, when the pod shares its process namespace; the name
 * of its main container, which is marked for it; and a volume for its records. A pod without an executor is returned unchanged. Doing
 * it twice changes nothing more.
 *
 * @see shared/reference/executor.md sections 8 and 10
 */
export function completeExecutor(spec: PodSpec, { publicKeys }: ExecutorCompletion = {}): PodSpec {
  const containers = listOf<Container>(spec.containers);
  const executor = containers.find(({ name }) => name === EXECUTOR_CONTAINER);
  if (executor === undefined) {
    return spec;
  }
  const main = isSidecar(spec, executor) ? mainContainer(containers, executor) : undefined;
  const added = [...authentication(executor, publicKeys), ...sidecarSettings(executor, main)];
  const needsVolume = isDataUnkept(executor) && !listOf(spec.volumes).some(({ name }) => name === EXECUTOR_DATA_VOLUME);
  const completed: Container = {
    ...executor,
    ...(added.length > 0 && { env: withVariables(executor, added) }),
    ...(needsVolume && { volumeMounts: [...listOf(executor.volumeMounts), { name: EXECUTOR_DATA_VOLUME, mountPath: dataMountOf(main !== undefined) }] }),
  };
  return {
    ...spec,
    containers: spec.containers?.map((container) => (container === executor ? completed : container === main?.unmarked ? marked(container) : container)),
    ...(needsVolume && { volumes: [...listOf(spec.volumes), { name: EXECUTOR_DATA_VOLUME, emptyDir: {} }] }),
  };
}

type Variable = NonNullable<Container['env']>[number];

function authentication(executor: Container, publicKeys: string | undefined): Variable[] {
  if (publicKeys === undefined || servesAnybody(executor) || AUTHENTICATION.some((setting) => spoken(executor, setting) !== undefined)) {
    return [];
  }
  const podUid = { name: EnvVar.podUid, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } };
  return [{ name: EnvVar.authPublicKey, value: publicKeys }, ...(variable(executor, EnvVar.podUid) === undefined ? [podUid] : [])];
}

/** Whether the executor says so, or says it where we cannot read it; that it does not is what an executor with a key does anyhow. */
function servesAnybody(executor: Container): boolean {
  const said = spoken(executor, SETTINGS.allowUnauthenticated);
  return said === HIDDEN || isTrue(said);
}

function isSidecar({ shareProcessNamespace }: PodSpec, executor: Container): boolean {
  const mode = spoken(executor, SETTINGS.sidecarMode);
  return mode === undefined ? shareProcessNamespace === true : isTrue(mode);
}

/** As flags have it; a variable is `true` or `false` by then. */
const isTrue = (said: Said): boolean => typeof said === 'string' && /^(1|t|T|true|TRUE|True)$/.test(said);

/** The container whose files tasks see, by the value of its mark. */
interface MainContainer {
  readonly mark: string;
  /** The container when it is still to be marked. */
  readonly unmarked: Container | undefined;
}

/** By what the executor says, else by a mark that is there already, else the first container; undefined when that cannot be known. */
function mainContainer(containers: readonly Container[], executor: Container): MainContainer | undefined {
  const others = containers.filter((container) => container !== executor);
  const marks = others.map(markOf);
  const mark = spoken(executor, SETTINGS.mainContainerName) ?? marks.find((value) => value !== undefined) ?? others[0]?.name;
  if (mark === undefined || mark === HIDDEN || mark === '') {
    return undefined;
  }
  const isUnmarked = (container: Container) => container.name === mark && variable(container, EnvVar.mainContainer) === undefined;
  const unmarked = marks.includes(mark) ? undefined : others.find(isUnmarked);
  return { mark, unmarked };
}

function sidecarSettings(executor: Container, main: MainContainer | undefined): Variable[] {
  if (main === undefined) {
    return [];
  }
  const wanted = [
    { setting: SETTINGS.sidecarMode, value: 'true' },
    { setting: SETTINGS.mainContainerName, value: main.mark },
  ];
  return wanted.filter(({ setting }) => spoken(executor, setting) === undefined).map(({ setting, value }) => ({ name: setting.env, value }));
}

const markOf = (container: Container): string | undefined => variable(container, EnvVar.mainContainer)?.value;

const marked = (container: Container): Container => ({
  ...container,
  env: withVariables(container, [{ name: EnvVar.mainContainer, value: container.name }]),
});

/** Whether the records are at their default place and no volume keeps them there. */
function isDataUnkept(executor: Container): boolean {
  const isCovered = listOf(executor.volumeMounts).some(({ mountPath }) => typeof mountPath === 'string' && isWithin(SETTINGS.dataDir.default, mountPath));
  return spoken(executor, SETTINGS.dataDir) === undefined && !isCovered;
}

/**
 * Where the volume for records goes. What is mounted belongs to root; a sidecar is root. Another executor may be any user, so it gets the folder
 * above, where it makes a folder of its own that nobody else may read.
 */
const dataMountOf = (isRoot: boolean): string => (isRoot ? SETTINGS.dataDir.default : SETTINGS.dataDir.default.replace(/\/[^/]+$/, ''));

const isWithin = (path: string, folder: string): boolean => `${path}/`.startsWith(`${folder.replace(/\/+$/, '')}/`);

interface SpokenSetting {
  readonly flag?: string;
  readonly env: string;
  readonly kind: string;
}

/** Stands for what a container says where we cannot read it. */
const HIDDEN = Symbol('hidden');

/** What a container says of a setting; undefined when it says nothing. */
type Said = string | typeof HIDDEN | undefined;

/**
 * What a container says of a setting, as the executor reads it: the last of equal flags wins, and a flag over a variable; a variable that is
 * empty says nothing, and one of a boolean says true by `true` alone.
 *
 * Command and arguments are read as one text, since a line for a shell may hold the flags. `envFrom` says nothing: most that stands there
 * is for other things, and a variable of the container itself wins over it.
 *
 * @see src/program/load-settings.ts
 */
function spoken(container: Container, { flag, env, kind }: SpokenSetting): Said {
  const line = [container.command, container.args].flat().join(' ');
  // A boolean takes a value only with `=`.
  const value = kind === 'boolean' ? `(?:=([^\\s'"]*))?` : `(?:=([^\\s'"]*)|\\s+([^\\s'"]+))?`;
  const found = flag === undefined ? undefined : [...line.matchAll(new RegExp(`(?<=^|[\\s'"])--?${flag}${value}(?=[\\s'"]|$)`, 'g'))].at(-1);
  if (found !== undefined) {
    return found[1] ?? found[2] ?? (kind === 'boolean' ? 'true' : '');
  }
  const said = variable(container, env);
  if (said?.valueFrom !== undefined) {
    return HIDDEN;
  }
  return said && kind === 'boolean' ? String(said.value === 'true') : said?.value;
}

/** The variable of a name that counts: of equal ones the last; undefined when it is empty, which the executor reads as absent. */
function variable(container: Container, wanted: string): Variable | undefined {
  const last = variablesOf(container).findLast(({ name }) => name === wanted);
  return last?.valueFrom === undefined && (last?.value ?? '') === '' ? undefined : last;
}

/** Variables of a container with others in place of empty ones of their names. */
const withVariables = (container: Container, added: readonly Variable[]): Variable[] => [
  ...variablesOf(container).filter(({ name }) => !added.some((variable) => variable.name === name)),
  ...added,
];

const variablesOf = ({ env }: Container): Variable[] => listOf(env);

/** The objects of a list: constructs complete also what has faults, which were told before. */
function listOf<T extends object = Readonly<Record<string, unknown>>>(value: unknown): T[] {
  return Array.isArray(value) ? (value.filter(isRecord) as unknown[] as T[]) : [];
}
