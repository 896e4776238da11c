import type { Clock } from '../src/program/clock';
import { Port, SIGNING_SECRET } from '../src/schema/names';
import { ProgramProcess } from './program-process';

export interface OperatorProcessProps {
  /** Program and first arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder to run in. */
  readonly folder: string;
  readonly kubeconfigPath: string;
  /** Address to serve health and metrics on. */
  readonly address: string;
  readonly logPath: string;
  readonly clock: Clock;
  /** Further flags of the operator. */
  readonly flags: readonly string[];
}

/** The operator beside an embedded cluster. */
export class OperatorProcess extends ProgramProcess {
  constructor({ command, kubeconfigPath, address, flags: more, ...props }: OperatorProcessProps) {
    const flags = [
      `--kubeconfig=${kubeconfigPath}`,
      `--health-probe-bind-address=${address}:${String(Port.operatorHealth)}`,
      `--metrics-bind-address=${address}:${String(Port.operatorMetrics)}`,
      '--metrics-secure=false',
      `--executor-signing-secret=${SIGNING_SECRET}`,
      ...more,
    ];
    super({ ...props, name: 'operator', argv: [...command, ...flags], address, readyPort: Port.operatorHealth });
  }
}
