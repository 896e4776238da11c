import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../../src/program/clock';
import type { Container } from '../../src/schema/kubernetes';
import type { ProcessSpec } from './pod-process';

/** Time between probes until the first success. The kubelet waits `periodSeconds`; a pod here is ready as soon as it answers. */
const FIRST_PROBE_INTERVAL_MS = 50;

/** A readiness probe with its defaults filled in. */
export interface ReadinessProbe {
  readonly check: (signal: AbortSignal) => Promise<boolean>;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

/** The container's readiness probe, or undefined when it has none of a kind that is known here (HTTP, TCP, exec). */
export function toReadinessProbe(container: Container, address: string, spec: ProcessSpec): ReadinessProbe | undefined {
  const probe = container.readinessProbe as Record<string, unknown> | undefined;
  const check = probe === undefined ? undefined : toCheck(probe, container, address, spec);
  if (probe === undefined || check === undefined) return undefined;
  const positive = (value: unknown, fallback: number) => (typeof value === 'number' && value > 0 ? value : fallback);
  return {
    check,
    initialDelayMs: positive(probe.initialDelaySeconds, 0) * 1000,
    periodMs: positive(probe.periodSeconds, 10) * 1000,
    timeoutMs: positive(probe.timeoutSeconds, 1) * 1000,
    failureThreshold: positive(probe.failureThreshold, 3),
  };
}

/** Probes until the signal aborts, and reports each change of readiness; a container starts as not ready. */
export async function runReadinessProbe(
  probe: ReadinessProbe,
  clock: Clock,
  onChange: (ready: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let ready = false;
  let everReady = false;
  let failures = 0;
  await clock.sleep(probe.initialDelayMs, signal);
  while (!signal.aborted) {
    const passed = await probe.check(AbortSignal.any([signal, AbortSignal.timeout(probe.timeoutMs)])).catch(() => false);
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

function toCheck(probe: Record<string, unknown>, container: Container, address: string, spec: ProcessSpec): ReadinessProbe['check'] | undefined {
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
