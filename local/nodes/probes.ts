import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../../src/program/clock';
import type { Container } from '../../src/schema/kubernetes';
import { isRecord } from '../../src/schema/validation';
import type { ProcessSpec } from './pod-process';

/** Time between probes until the first success. The kubelet waits `periodSeconds`; a pod here is ready as soon as it answers. */
const FIRST_PROBE_INTERVAL_MS = 50;

/** A probe of a container with its defaults filled in. */
export interface Probe {
  readonly check: (signal: AbortSignal) => Promise<boolean>;
  /** Counts from the start of the container. */
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

/** A probe that ends its container when it fails. */
export interface StartupProbe extends Probe {
  /** Time that the container then has to end. */
  readonly graceMs: number;
}

/** The probes of a container that count here. */
export interface Probes {
  /** Until it passes, the container has not started and is not asked whether it is ready. */
  readonly startup?: StartupProbe;
  readonly readiness?: Probe;
}

/**
 * The probes of a container, without those of a kind that is not known here; known are HTTP, TCP and exec.
 *
 * @param graceMs time that the container has to end where its probe says nothing about that
 */
export function toProbes(container: Container, address: string, spec: ProcessSpec, graceMs: number): Probes {
  const probeOf = (value: unknown) => (isRecord(value) ? toProbe(value, toCheck(value, container, address, spec)) : undefined);
  const startup = probeOf(container.startupProbe);
  const own = isRecord(container.startupProbe) ? container.startupProbe.terminationGracePeriodSeconds : undefined;
  return {
    ...(startup !== undefined && { startup: { ...startup, graceMs: typeof own === 'number' ? own * 1000 : graceMs } }),
    readiness: probeOf(container.readinessProbe),
  };
}

function toProbe(probe: Record<string, unknown>, check: Probe['check'] | undefined): Probe | undefined {
  if (check === undefined) return undefined;
  const positive = (value: unknown, fallback: number) => (typeof value === 'number' && value > 0 ? value : fallback);
  return {
    check,
    initialDelayMs: positive(probe.initialDelaySeconds, 0) * 1000,
    periodMs: positive(probe.periodSeconds, 10) * 1000,
    timeoutMs: positive(probe.timeoutSeconds, 1) * 1000,
    failureThreshold: positive(probe.failureThreshold, 3),
  };
}

/**
 * Probes until one passes: true. False when as many have failed as the threshold says, or when the signal aborts.
 *
 * The probes between those of every period are here only to see a success sooner; their failures are not counted.
 */
export async function runStartupProbe(probe: Probe, clock: Clock, signal: AbortSignal): Promise<boolean> {
  let failures = 0;
  let countedMs = -Infinity;
  await clock.sleep(probe.initialDelayMs, signal);
  while (!signal.aborted) {
    const askedMs = clock.monotonicMs();
    if (await passes(probe, signal)) return !signal.aborted;
    if (askedMs - countedMs >= probe.periodMs) {
      failures += 1;
      countedMs = askedMs;
    }
    if (failures >= probe.failureThreshold) return false;
    await clock.sleep(Math.min(FIRST_PROBE_INTERVAL_MS, probe.periodMs), signal);
  }
  return false;
}

/**
 * Probes until the signal aborts, and reports each change of readiness; a container starts as not ready.
 *
 * @param startedMs when the container started, on the clock's monotonic time
 */
export async function runReadinessProbe(
  probe: Probe,
  clock: Clock,
  startedMs: number,
  onChange: (ready: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let ready = false;
  let everReady = false;
  let failures = 0;
  await clock.sleep(Math.max(0, startedMs + probe.initialDelayMs - clock.monotonicMs()), signal);
  while (!signal.aborted) {
    const passed = await passes(probe, signal);
    if (signal.aborted) return;
    failures = passed ? 0 : failures + 1;
    if (passed !== ready && (passed || failures >= probe.failureThreshold)) {
      ready = passed;
      everReady ||= passed;
      onChange(ready);
    }
    await clock.sleep(everReady ? probe.periodMs : Math.min(FIRST_PROBE_INTERVAL_MS, probe.periodMs), signal);
  }
}

function passes({ check, timeoutMs }: Probe, signal: AbortSignal): Promise<boolean> {
  return check(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])).catch(() => false);
}

function toCheck(probe: Record<string, unknown>, container: Container, address: string, spec: ProcessSpec): Probe['check'] | undefined {
  const { httpGet, tcpSocket, exec } = probe as {
    httpGet?: { path?: string; port: unknown; host?: string; httpHeaders?: { name: string; value: string }[] };
    tcpSocket?: { port: unknown; host?: string };
    exec?: { command?: string[] };
  };
  if (httpGet !== undefined) {
    const headers = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    const target = { host: httpGet.host ?? address, port: toPort(httpGet.port, container), path: httpGet.path ?? '/', headers, agent: false };
    return (signal) => answersHttp({ ...target, signal });
  }
  if (tcpSocket !== undefined) {
    const target = { host: tcpSocket.host ?? address, port: toPort(tcpSocket.port, container) };
    return (signal) => acceptsConnection({ ...target, signal });
  }
  if (exec?.command !== undefined) {
    const argv = exec.command;
    return (signal) => exitsWithZero({ ...spec, argv }, signal);
  }
  return undefined;
}

/** A port by number, or by the name it has in the container's `ports`; 0, which nothing listens on, when there is no such name. */
function toPort(port: unknown, container: Container): number {
  if (typeof port === 'number') return port;
  const ports = Array.isArray(container.ports) ? (container.ports as { name?: string; containerPort?: number }[]) : [];
  return ports.find(({ name }) => name === port)?.containerPort ?? (Number(port) || 0);
}

async function answersHttp(options: RequestOptions): Promise<boolean> {
  const request = get(options);
  const [response] = (await once(request, 'response')) as [{ statusCode?: number; resume(): void }];
  response.resume();
  const status = response.statusCode ?? 0;
  return status >= 200 && status < 400;
}

async function acceptsConnection({ signal, ...target }: { host: string; port: number; signal: AbortSignal }): Promise<boolean> {
  const socket = connect(target);
  try {
    await once(socket, 'connect', { signal });
    return true;
  } finally {
    socket.destroy();
  }
}

async function exitsWithZero({ argv, cwd, env }: ProcessSpec, signal: AbortSignal): Promise<boolean> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: 'ignore', signal, killSignal: 'SIGKILL' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}
