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
    ...(added.length > 0 && { env: [...variablesOf(executor), ...added] }),
    ...(needsVolume && { volumeMounts: [...listOf(executor.volumeMounts), { name: EXECUTOR_DATA_VOLUME, mountPath: SETTINGS.dataDir.default }] }),
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
  return [{ name: EnvVar.authPublicKey, value: publicKeys }, ...(hasVariable(executor, EnvVar.podUid) ? [] : [podUid])];
}

/** Whether the executor says so, or says it where we cannot read it; that it does not is what an executor with a key does anyhow. */
function servesAnybody(executor: Container): boolean {
  const value = spoken(executor, SETTINGS.allowUnauthenticated);
  return value === '' || (value !== undefined && isTrue(value));
}

function isSidecar({ shareProcessNamespace }: PodSpec, executor: Container): boolean {
  const mode = spoken(executor, SETTINGS.sidecarMode);
  return mode === undefined ? shareProcessNamespace === true : isTrue(mode);
}

const isTrue = (value: string): boolean => /^(1|t|true)$/i.test(value);

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
  if (mark === undefined || mark === '') {
    return undefined;
  }
  const unmarked = marks.includes(mark) ? undefined : others.find((container) => container.name === mark && !hasVariable(container, EnvVar.mainContainer));
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

const markOf = (container: Container): string | undefined => variablesOf(container).find(({ name }) => name === EnvVar.mainContainer)?.value;

const marked = (container: Container): Container => ({
  ...container,
  env: [...variablesOf(container), { name: EnvVar.mainContainer, value: container.name }],
});

/** Whether the records are at their default place and no volume keeps them there. */
function isDataUnkept(executor: Container): boolean {
  const isCovered = listOf(executor.volumeMounts).some(({ mountPath }) => typeof mountPath === 'string' && isWithin(SETTINGS.dataDir.default, mountPath));
  return spoken(executor, SETTINGS.dataDir) === undefined && !isCovered;
}

const isWithin = (path: string, folder: string): boolean => `${path}/`.startsWith(`${folder.replace(/\/+$/, '')}/`);

interface SpokenSetting {
  readonly flag?: string;
  readonly env: string;
  readonly kind: string;
}

/**
 * What a container says of a setting: text, `''` where it is hidden in what we cannot read, undefined when nothing is said.
 *
 * Command and arguments are read as one text, since a line for a shell may hold the flags. A flag wins over a variable, as in the executor.
 * `envFrom` says nothing: most that stands there is for other things, and a variable of the container itself wins over it.
 */
function spoken(container: Container, { flag, env, kind }: SpokenSetting): string | undefined {
  const line = [container.command, container.args].flat().join(' ');
  const found = flag === undefined ? null : new RegExp(`(?:^|[\\s'"])--?${flag}(?:=([^\\s'"]*)|\\s+([^\\s'"]+))?(?=[\\s'"]|$)`).exec(line);
  if (found !== null) {
    // A boolean takes a value only with `=`.
    return kind === 'boolean' ? (found[1] ?? 'true') : (found[1] ?? found[2] ?? '');
  }
  const variable = variablesOf(container).find(({ name }) => name === env);
  return variable && (variable.value ?? '');
}

const hasVariable = (container: Container, wanted: string): boolean => variablesOf(container).some(({ name }) => name === wanted);

const variablesOf = ({ env }: Container): Variable[] => listOf(env);

/** The objects of a list: constructs complete what nobody has checked yet, and its faults are told later. */
function listOf<T extends object = Readonly<Record<string, unknown>>>(value: unknown): T[] {
  return Array.isArray(value) ? (value.filter(isRecord) as unknown[] as T[]) : [];
}
