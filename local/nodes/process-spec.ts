import { join } from 'node:path';
import type { Container, Pod, PodSpec } from '../../src/schema/kubernetes';
import { EnvVar, EXECUTOR_CONTAINER, Port } from '../../src/schema/names';
import { CLUSTER_MARKER, POD_MARKER } from './marked-processes';
import type { ProcessSpec } from './pod-process';
import { mapPath, mappedMounts } from './pod-volumes';
import { expandVariables } from './variables';

/** What a node offers to the containers of all its pods. */
export interface NodeSettings {
  readonly name: string;
  /** Address of the node, shown as `hostIP`. */
  readonly address: string;
  /** Id of the cluster, carried by each process. */
  readonly clusterId: string;
  /** Where the pods' folders are. */
  readonly podsFolder: string;
  /** PATH of containers: programs come from this machine, since a node has no images. */
  readonly path: string;
  /** Program and first arguments of the task executor. */
  readonly executorCommand: readonly string[];
}

/** A pod as it runs on a node. */
export interface PlacedPod {
  readonly pod: Pod;
  /** Address of the pod's own. */
  readonly address: string;
  /** Folder of the pod's own. */
  readonly folder: string;
}

/** Last part of the repository of an image with the task executor: OpenSandbox's and ours. */
const EXECUTOR_IMAGE = /(^|\/)(task-executor|sandbox-executor)(:[^/@]*)?(@.*)?$/;

/** True for the container that runs the task executor: known by its name, or by its image. */
export function isExecutor({ name, image = '' }: Container): boolean {
  return name === EXECUTOR_CONTAINER || EXECUTOR_IMAGE.test(image);
}

/** The container whose tasks the executor runs: named by MAIN_CONTAINER_NAME, marked as such, or the first one that is not the executor. */
export function mainContainer(spec: PodSpec, executor: Container): Container | undefined {
  const wanted = executor.env?.find(({ name }) => name === 'MAIN_CONTAINER_NAME')?.value;
  const others = (spec.containers ?? []).filter((container) => container !== executor && !isExecutor(container));
  return (
    others.find(({ name }) => name === wanted) ??
    others.find(({ env }) => env?.some(({ name }) => name === EnvVar.mainContainer) === true) ??
    others[0]
  );
}

/** Runs in place of a program that only an image holds. */
const IDLE_COMMAND = ['sleep', 'infinity'];

/** True when the node knows what to run: without `command` the program is named by the image, and a node has no images. */
export function hasProgram(container: Container): boolean {
  return isExecutor(container) || (container.command?.length ?? 0) > 0;
}

/** What to run for a container; it idles when it has no program. */
export function toProcessSpec(container: Container, placed: PlacedPod, node: NodeSettings): ProcessSpec {
  if (isExecutor(container)) return executorProcess(container, placed, node);
  const env = containerEnv(container, placed, node);
  const command = hasProgram(container) ? [...(container.command ?? []), ...(container.args ?? [])] : IDLE_COMMAND;
  return { argv: command.map((text) => expandVariables(text, env)), cwd: workingDir(container, placed), env };
}

/**
 * The real executor in host mode, on the pod's address.
 *
 * In sidecar mode tasks run with environment and directory of the main container, so the executor gets these as its own, unless the
 * manifest wants host mode. Its settings go in as flags, which are not inherited by tasks and win over the ones of the manifest.
 */
function executorProcess(container: Container, placed: PlacedPod, node: NodeSettings): ProcessSpec {
  const own = containerEnv(container, placed, node);
  const main = own['ENABLE_SIDECAR_MODE'] === 'false' ? undefined : mainContainer(placed.pod.spec ?? {}, container);
  const base = main === undefined ? {} : containerEnv(main, placed, node);
  const { ENABLE_SIDECAR_MODE: _mode, [EnvVar.mainContainer]: _marker, ...env } = { ...own, ...base, ...settingsOf(container, own) };
  const settings = [
    `--listen-addr=${placed.address}:${String(Port.executor)}`,
    ...(isExecdOff(container, own) ? [] : [`--execd-listen-addr=${placed.address}:${String(Port.execd)}`]),
    `--data-dir=${join(placed.folder, 'tasks')}`,
    '--enable-sidecar-mode=false',
  ];
  const args = (container.args ?? []).map((text) => expandVariables(text, own));
  return { argv: [...node.executorCommand, ...args, ...settings], cwd: workingDir(main ?? container, placed), env };
}

/** Whether the manifest keeps the port of commands and files for others. */
function isExecdOff(container: Container, own: Readonly<Record<string, string>>): boolean {
  const flag = (container.args ?? []).findLast((text) => /^--?execd-listen-addr=/.test(text));
  return flag === undefined ? own['EXECD_LISTEN_ADDR'] === '0' : /=0?$/.test(flag);
}

/** The executor's own variables, which win over the main container's of the same name. */
function settingsOf(container: Container, own: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries((container.env ?? []).map(({ name }) => [name, own[name] ?? '']));
}

function workingDir(container: Container, placed: PlacedPod): string {
  return container.workingDir === undefined
    ? containerFolder(container.name, placed)
    : mapPath(container.workingDir, mappedMounts(container, placed.folder));
}

/** Folder for the temporary files of a container. */
export function temporaryFolder(name: string, placed: PlacedPod): string {
  return join(placed.folder, 'tmp', name);
}

/** Folder in which a container starts that names no `workingDir`. */
export function containerFolder(name: string, placed: PlacedPod): string {
  return join(placed.folder, 'containers', name);
}

function containerEnv(container: Container, placed: PlacedPod, node: NodeSettings): Record<string, string> {
  const mounts = mappedMounts(container, placed.folder);
  const env: Record<string, string> = {
    PATH: node.path,
    HOME: containerFolder(container.name, placed),
    TMPDIR: temporaryFolder(container.name, placed),
    HOSTNAME: placed.pod.metadata.name,
  };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const text = valueFrom === undefined ? expandVariables(value ?? '', env) : resolveField(valueFrom, placed, node);
    if (text !== undefined) env[name] = mapPath(text, mounts);
  }
  return { ...env, [CLUSTER_MARKER]: node.clusterId, [POD_MARKER]: placed.pod.metadata.uid ?? '' };
}

/** Variables that a container asks for and this node cannot give: values of ConfigMaps, Secrets and resources. */
export function unresolvedVariables(container: Container, placed: PlacedPod, node: NodeSettings): string[] {
  const single = (container.env ?? []).filter(({ valueFrom }) => valueFrom !== undefined && resolveField(valueFrom, placed, node) === undefined);
  const hasEnvFrom = Array.isArray(container.envFrom) && container.envFrom.length > 0;
  return [...single.map(({ name }) => name), ...(hasEnvFrom ? ['envFrom'] : [])];
}

/** Value of a downward API field; undefined for what this node cannot resolve. */
function resolveField(source: unknown, { pod, address }: PlacedPod, node: NodeSettings): string | undefined {
  const fieldPath = (source as { fieldRef?: { fieldPath?: unknown } }).fieldRef?.fieldPath;
  if (typeof fieldPath !== 'string') return undefined;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  const valueByField: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': node.name,
    'spec.serviceAccountName': typeof pod.spec?.serviceAccountName === 'string' ? pod.spec.serviceAccountName : 'default',
    'status.podIP': address,
    'status.podIPs': address,
    'status.hostIP': node.address,
  };
  return valueByField[fieldPath];
}
