import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemClock as clock } from '../src/program/clock';
import { BAD_SETTINGS_EXIT_CODE, loadSettings, settingsHelp, settingsProblemText, wantsHelp, wantsVersion } from '../src/program/load-settings';
import { createLogger, type Logger } from '../src/program/log';
import { aborted, closeInOrder, type CloseStep, listenForStop } from '../src/program/shutdown';
import { readVersion } from '../src/program/version';
import { healthRoutes, metricsRoutes, serveRoutes } from '../src/program/web';
import { LEASE_NAME } from '../src/schema/names';
import { operatorSettings, type OperatorSettings } from '../src/schema/operator-settings';
import { KubeApi } from './kube/api';
import { connectToCluster } from './kube/connect';
import type { KubeConnection } from './kube/connection';
import { LeaseElector } from './kube/lease';
import { Transport } from './kube/transport';
import { Manager } from './manager';
import { readSigningKeys, type SigningKeys } from '../src/program/signing-keys';
import { obtainSigningKeys } from './signing-secret';

/** A stop ends within this time, in ms, whatever still runs. */
const STOP_DEADLINE_MS = 10_000;

const HELP = `Usage: sandbox-operator [flags]

Makes Pools and BatchSandboxes of ${'sandbox.opensandbox.io'} true: keeps pools warm, delivers batches, runs their tasks.
In a pod it uses the service account; elsewhere, name a kubeconfig:

  sandbox-operator --kubeconfig=$HOME/.kube/config --health-probe-bind-address=127.0.0.1:8081

Ends with 0 after SIGINT or SIGTERM, 1 when it cannot start or has lost the lease, 2 when a flag is wrong.

Flags:
`;

/** Starts the operator and runs it until a signal, or until it loses the lease; the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  if (wantsHelp(argv)) {
    process.stdout.write(HELP + settingsHelp(operatorSettings));
    return 0;
  }
  if (wantsVersion(argv)) {
    process.stdout.write(`${readVersion(__dirname)}\n`);
    return 0;
  }
  const loaded = loadSettings(operatorSettings, argv, process.env);
  if (!loaded.ok) {
    process.stderr.write(`${settingsProblemText(operatorSettings, loaded.problems)}\n`);
    return BAD_SETTINGS_EXIT_CODE;
  }
  const log = createLogger('sandbox-operator', loaded.settings.logLevel);
  try {
    return await run(loaded.settings, log);
  } catch (error) {
    log.fatal({ err: error }, 'cannot start');
    return 1;
  }
}

async function run(settings: OperatorSettings, log: Logger): Promise<number> {
  const stop = listenForStop();
  const over = new AbortController();
  const signal = AbortSignal.any([stop.signal, over.signal]);
  const connection = await connectToCluster(settings.kubeconfig, process.env, clock);
  const steps: CloseStep[] = [];
  let notReady: () => readonly string[] = () => ['the signing key is not read yet'];
  if (settings.healthAddress !== undefined) {
    // First of all: an operator that waits for the API server lives.
    const server = await serveRoutes(healthRoutes(() => notReady()), settings.healthAddress);
    steps.push({ name: 'health', close: () => server.close() });
  }

  const signingKeys = await loadSigningKeys(connection, settings, log, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
  if (signal.aborted) {
    log.info('stopping');
    await closeInOrder(steps, STOP_DEADLINE_MS, clock, log);
    return 0;
  }
  const lease = settings.leaderElect ? competeForLease(connection, settings, log) : undefined;
  const manager = new Manager({ connection, settings, clock, log, random: Math.random, signingKeys, mayWrite: lease && (() => lease.elector.held()) });
  manager.metrics.observeProcess();
  steps.unshift({ name: 'controllers', close: () => manager.stop() });

  let filled = false;
  notReady = () => (filled ? [manager.notReady() ?? []].flat() : ['the caches are not filled yet']);
  if (settings.metricsAddress !== undefined) {
    const server = await serveRoutes(metricsRoutes(manager.metrics.registry), settings.metricsAddress);
    steps.push({ name: 'metrics', close: () => server.close() });
  }

  const leaseStop = new AbortController();
  const leaseEnd = lease?.elector.run(leaseStop.signal);
  steps.push({ name: 'lease', close: () => (leaseStop.abort(), leaseEnd) });
  if (lease !== undefined) steps.push({ name: 'lease transport', close: () => lease.transport.destroy() });
  let lost = false;
  void leaseEnd?.then((end) => {
    lost = end === 'lost';
    over.abort();
  });

  await manager.watch(signal);
  filled = true;
  log.info({ server: connection.server.href, namespaces: settings.namespaces }, 'caches filled');
  if (lease !== undefined) await Promise.race([lease.elector.acquired, aborted(signal)]);
  if (!signal.aborted) {
    await manager.act(signal);
    if (!signal.aborted) log.info('acting');
    await aborted(signal);
  }
  log.info({ lost }, 'stopping');
  over.abort();
  await closeInOrder(steps, STOP_DEADLINE_MS, clock, log);
  return lost ? 1 : 0;
}

/** From file or Secret; undefined when the settings name neither. A follower may make the key too: it is made once. */
async function loadSigningKeys(connection: KubeConnection, settings: OperatorSettings, log: Logger, signal: AbortSignal): Promise<SigningKeys | undefined> {
  const { signingKeyFile: file, signingSecret: name, podNamespace: namespace = '' } = settings;
  if (file !== undefined) return readSigningKeys(await readFile(file, 'utf8'), file);
  if (name === '') return undefined;
  const transport = new Transport({ connection, clock });
  try {
    const pem = await obtainSigningKeys({ api: new KubeApi({ transport }), namespace, name, clock, log, signal });
    return await readSigningKeys(pem, `Secret '${namespace}/${name}'`);
  } finally {
    await transport.destroy();
  }
}

/** The lease has a transport of its own, so that a renewal waits behind no other call. */
function competeForLease(connection: KubeConnection, settings: OperatorSettings, log: Logger) {
  const transport = new Transport({ connection, clock });
  const elector = new LeaseElector({
    api: new KubeApi({ transport }),
    namespace: settings.podNamespace ?? '',
    name: LEASE_NAME,
    identity: `${hostname()}_${randomUUID()}`,
    clock,
    log,
  });
  return { elector, transport };
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
