import { runProgram } from './run-program';
import type { ProgramResult } from './target';

/** A real cluster, for kubectl. */
export interface KubectlAccess {
  readonly kubeconfigPath: string;
  /** The program that is kubectl of the cluster's version when its first argument is `kubectl`. */
  readonly program: string;
  /** Folder of the cluster, where kubectl keeps its cache. */
  readonly folder: string;
}

/** Runs the kubectl of a cluster; an exit code of any value is a result. */
export function runKubectl({ program, kubeconfigPath, folder }: KubectlAccess, args: readonly string[], input?: string): Promise<ProgramResult> {
  return runProgram(program, ['kubectl', ...args], { KUBECONFIG: kubeconfigPath, HOME: folder, PATH: process.env.PATH }, input); // PATH: `diff` runs another program
}
