import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { connectToCluster } from '../operator/kube/connect';
import { systemClock as clock } from '../src/program/clock';
import { BAD_SETTINGS_EXIT_CODE, loadSettings, settingsHelp, settingsProblemText, wantsHelp, wantsVersion } from '../src/program/load-settings';
import { createLogger, type Logger } from '../src/program/log';
import { aborted, closeInOrder, type CloseStep, listenForStop } from '../src/program/shutdown';
import { readVersion } from '../src/program/version';
import { metricsRoutes, serveRoutes } from '../src/program/web';
import type { ServerConfig } from '../src/schema/server-config';
import { serverSettings, type ServerSettings } from '../src/schema/server-settings';
import type { LogLevel } from '../src/schema/settings';
import { readBaseTemplate } from './config/base-template';
import { readKeyFile, watchKeyFile } from './config/key-file';
import { readConfig } from './config/read-config';
import { LifecycleServer } from './lifecycle-server';
import { AccessTokens } from './proxy/access-token';
import { ExecdHeaders } from './proxy/execd-headers';
import { ApiKeys } from './web/api-keys';
import { serveHttp } from './web/http-host';

const HELP = `Usage: sandbox-server [flags]

Serves the lifecycle API that the public OpenSandbox SDKs call: sandboxes and pools on Kubernetes.

  sandbox-server --config=/etc/opensandbox/config.toml
  sandbox-server --config=config.toml --check-config

Ends with 0 after SIGINT or SIGTERM, 1 when it cannot start, 2 when a flag or the configuration is wrong.

Flags:
`;

/** Starts the server and runs it until a signal; the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  if (wantsHelp(argv)) {
    process.stdout.write(HELP + settingsHelp(serverSettings));
    return 0;
  }
  if (wantsVersion(argv)) {
    process.stdout.write(`${readVersion(__dirname)}\n`);
    return 0;
  }
  const loaded = loadSettings(serverSettings, argv, process.env);
  if (!loaded.ok) return refuse(settingsProblemText(serverSettings, loaded.problems));
  const { settings } = loaded;
  const text = await readConfigFile(settings).catch((error: unknown) => error);
  if (typeof text !== 'string') return refuse(`server settings: --config: expected a file that can be read, got ${text instanceof Error ? text.message : 'none'}`);
  const read = readConfig(text, settings);
  for (const warning of settings.checkConfig ? read.warnings : []) process.stdout.write(`warning: ${warning}\n`);
  if (!read.ok) return refuse(settingsProblemText({ program: 'server configuration' }, read.problems).replace(' settings', ''));
  if (settings.checkConfig) {
    process.stdout.write('configuration: good\n');
    return 0;
  }
  const log = createLogger('sandbox-server', levelOf(read.config));
  for (const warning of read.warnings) log.warn({ warning }, 'configuration');
  try {
    return await run(read.config, settings, log);
  } catch (error) {
    log.fatal({ err: error }, 'cannot start');
    return 1;
  }
}

function refuse(sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return BAD_SETTINGS_EXIT_CODE;
}

/** The configuration's text; none where nobody named a file and the default one is not there. */
async function readConfigFile({ config }: ServerSettings): Promise<string> {
  if (config !== undefined) return readFile(config, 'utf8');
  return readFile(join(homedir(), '.sandbox.toml'), 'utf8').catch(() => '');
}

async function run(config: ServerConfig, settings: ServerSettings, log: Logger): Promise<number> {
  const given = settings.apiKey ?? config.server.api_key;
  const file = config.server.api_key_file;
  const keys = [...(given === undefined ? [] : [given]), ...(file === undefined ? [] : await readKeyFile(file))];
  if (keys.length === 0 && settings.insecure !== 'YES') {
    log.fatal('no API key: set server.api_key_file or OPENSANDBOX_SERVER_API_KEY, or OPENSANDBOX_INSECURE_SERVER=YES to serve anybody');
    return 1;
  }
  const stop = listenForStop();
  const apiKeys = new ApiKeys(keys);
  // Without a secret of their own, tokens are derived from the API keys, which all replicas have.
  const { token_key_file: tokenFile } = config.server;
  const tokens = new AccessTokens(tokenFile === undefined ? keys : await readKeyFile(tokenFile));
  if (file !== undefined) {
    watchKeyFile(
      file,
      (fromFile) => {
        const all = [...(given === undefined ? [] : [given]), ...fromFile];
        apiKeys.replace(all);
        if (tokenFile === undefined) tokens.replace(all);
      },
      log,
      stop.signal,
    );
  }
  if (tokenFile !== undefined) watchKeyFile(tokenFile, (secrets) => tokens.replace(secrets), log, stop.signal);
  const { execd_access_token_file: execdFile } = config.runtime;
  const execd = new ExecdHeaders(execdFile === undefined ? [] : await readKeyFile(execdFile));
  if (execdFile !== undefined) watchKeyFile(execdFile, (fresh) => execd.replace(fresh), log, stop.signal);
  const connection = await connectToCluster(config.kubernetes.kubeconfig_path, process.env, clock);
  const namespace = config.kubernetes.namespace ?? settings.podNamespace ?? connection.namespace ?? 'default';
  const { batchsandbox_template_file: templateFile } = config.kubernetes;
  const base = templateFile === undefined ? undefined : await readBaseTemplate(templateFile);
  const server = new LifecycleServer({ connection, config, namespace, keys: apiKeys, tokens, execd, version: readVersion(__dirname), base, clock, log });
  const { host, port, timeout_keep_alive: keepAlive, timeout_graceful_shutdown: grace } = config.server;
  // First of all: a server that waits for the API server lives, and says that it is not ready.
  const http = await serveHttp({ fetch: (request) => server.app.fetch(request), taker: server.proxy, host, port, keepAliveMs: keepAlive * 1000 }, clock);
  const steps: CloseStep[] = [
    { name: 'requests', close: () => http.close(grace * 1000, () => server.stopRequests()) },
    { name: 'watches', close: () => server.close() },
  ];
  if (config.server.metrics_port !== 0) {
    server.metrics.observeProcess();
    const metrics = await serveRoutes(metricsRoutes(server.metrics.registry), { host, port: config.server.metrics_port });
    steps.push({ name: 'metrics', close: () => metrics.close() });
  }
  log.info({ host, port: http.port, namespace, server: connection.server.href }, 'listening');
  await server.start(stop.signal);
  if (!stop.signal.aborted) log.info('serving');
  await aborted(stop.signal);
  log.info('stopping');
  await closeInOrder(steps, 3 * grace * 1000, clock, log);
  return 0;
}

function levelOf({ log: { level } }: ServerConfig): LogLevel {
  const lower = level.toLowerCase();
  if (lower === 'warning') return 'warn';
  return lower === 'critical' ? 'error' : (lower as LogLevel);
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
