import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, packageRoot } from '../../local/programs';

/** Simulates nodes whose pods are Ready at once; it has a module of its own, since it wants other versions of Kubernetes' libraries. */
const KWOK = 'sigs.k8s.io/kwok/cmd/kwok@v0.7.0';

/** Longest first build, in ms: Kubernetes takes 5 minutes on 2 idle cores, and tests may share the cores with much else. */
export const BUILD_TIMEOUT_MS = 25 * 60_000;

/**
 * Builds etcd, the control plane, kubelet and kubectl, unless that was done before; the path of the program that is all of them.
 *
 * @throws Error when Go is missing or the build fails; what Go says goes to standard error
 */
export async function buildKubernetes(): Promise<string> {
  const flags = versionFlags(kubernetesVersion());
  const target = join(buildFolder(), 'kubernetes');
  await build(target, (output) => ['env', 'CGO_ENABLED=0', 'go', 'build', '-trimpath', `-ldflags=-s -w ${flags}`, '-o', output, '.']);
  return target;
}

/** Builds kwok, unless that was done before; its path. @throws Error as {@link buildKubernetes} */
export async function buildKwok(): Promise<string> {
  const target = join(buildFolder(), 'kwok');
  await build(target, (output) => ['env', 'CGO_ENABLED=0', `GOBIN=${join(output, '..')}`, 'go', 'install', '-trimpath', '-ldflags=-s -w', KWOK]);
  return target;
}

/** Version of the Kubernetes that is built, such as `v1.34.2`. */
export function kubernetesVersion(): string {
  const version = /^\tk8s\.io\/kubernetes (v\S+)$/m.exec(readSource('go.mod'))?.[1];
  if (version === undefined) throw new Error("go.mod: require: expected a version of 'k8s.io/kubernetes', got none");
  return version;
}

/** kubectl and others parse the version and refuse the one of a plain `go build`. */
function versionFlags(version: string): string {
  const [major, minor] = version.slice(1).split('.');
  return Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

/** Folder of what is built from these sources; other sources have another. */
function buildFolder(): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readSource(file));
  return join(cacheFolder(), `cluster-${hash.update(KWOK).digest('hex').slice(0, 16)}`);
}

/** Runs one build at a time: whoever comes second waits for the first. The target appears when it is complete. */
async function build(target: string, command: (output: string) => readonly string[]): Promise<void> {
  if (existsSync(target)) return;
  await requireGo();
  const output = join(`${target}.new`, target.slice(target.lastIndexOf('/') + 1));
  await mkdir(join(output, '..'), { recursive: true });
  const script = 'test -x "$0" && exit; output=$1; shift; nice -n 10 "$@" && mv "$output" "$0"';
  const args = [`${target}.lock`, 'sh', '-c', script, target, output, ...command(output)];
  const child = spawn('flock', args, { cwd: sourceFolder(), stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`build of '${target}': expected exit code 0, got ${String(code)}; see the messages of Go above`);
}

async function requireGo(): Promise<void> {
  try {
    await promisify(execFile)('go', ['version']);
  } catch (error) {
    throw new Error("real cluster: Go: expected a program 'go' (1.21 or later) on PATH, got none; install it from https://go.dev/dl", { cause: error });
  }
}

function readSource(file: string): string {
  return readFileSync(join(sourceFolder(), file), 'utf8');
}

function sourceFolder(): string {
  return join(packageRoot(), 'test', 'cluster');
}
