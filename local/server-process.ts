import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../src/program/clock';
import { Port } from '../src/schema/names';
import { ProgramProcess } from './program-process';

export interface ServerProcessProps {
  /** Program and first arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the cluster: configuration, key and log go there. */
  readonly folder: string;
  readonly kubeconfigPath: string;
  /** Address to listen on. */
  readonly address: string;
  readonly clock: Clock;
}

/** How SDKs reach the lifecycle server of an embedded cluster. */
export interface ServerAccess {
  /** Host and port, without scheme. */
  readonly domain: string;
  readonly apiKey: string;
}

/** The lifecycle server beside an embedded cluster, for the namespace `default`. */
export class ServerProcess extends ProgramProcess {
  private constructor(
    props: ConstructorParameters<typeof ProgramProcess>[0],
    readonly access: ServerAccess,
  ) {
    super(props);
  }

  /** Writes its configuration, with a new API key. */
  static async create({ command, env, folder, kubeconfigPath, address, clock }: ServerProcessProps): Promise<ServerProcess> {
    const apiKey = randomBytes(24).toString('base64url');
    const keyFile = join(folder, 'api-keys');
    const config = join(folder, 'server.toml');
    const server = { host: address, port: Port.server, metrics_port: Port.serverMetrics, api_key_file: keyFile };
    await writeFile(keyFile, `${apiKey}\n`, { mode: 0o600 });
    await writeFile(config, [...section('server', server), ...section('kubernetes', { kubeconfig_path: kubeconfigPath, namespace: 'default' })].join('\n'));
    const process = { name: 'server', argv: [...command, `--config=${config}`], env, folder, address, readyPort: Port.server, logPath: join(folder, 'server.log'), clock };
    return new ServerProcess(process, { domain: `${address}:${String(Port.server)}`, apiKey });
  }
}

/** Text of JSON is text of TOML. */
function section(name: string, values: Readonly<Record<string, string | number>>): string[] {
  return [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)];
}
