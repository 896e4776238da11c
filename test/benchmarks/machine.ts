import { cpus, totalmem } from 'node:os';
import { kubernetesVersion } from '../cluster/programs';
import { runProgram } from '../support/run-program';

/** Machine and versions, as one sentence. */
export function describeMachine(): string {
  const all = cpus();
  return `${all.length} cores (${all[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, Kubernetes ${kubernetesVersion()}`;
}

/** The commit that is measured, shortened; `unknown` outside a repository. */
export async function readCommit(): Promise<string> {
  const { exitCode, stdout } = await runProgram('git', ['rev-parse', '--short', 'HEAD'], process.env).catch(() => ({ exitCode: 1, stdout: '' }));
  return exitCode === 0 ? stdout.trim() : 'unknown';
}
