import { EnvVar } from '../../../src/schema/names';
import { MORE_FD } from '../../tasks/task-process';

/** What a session keeps from run to run. */
export interface SessionState {
  /** Exported variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

/** Most bytes of a state that are taken: variables above that are lost, as the kernel would not take them either. */
const MOST_STATE_BYTES = 2 * 1024 * 1024;

/** Says that a state is whole: a variable would have a `=`. */
const END = 'end';

/**
 * Runs a command in a shell, and tells its directory and its exported variables at the end, by a pipe of its own. `env` is looked for where it usually is
 * too, since the command may have changed PATH. What the command says to do at its exit comes instead of that.
 */
const SCRIPT = `exec 3>&- 4>&- 5>&-
trap '__status=$?; trap - EXIT; { printf "%s\\0" "$PWD"; env -0 || /usr/bin/env -0 || /bin/env -0; printf "${END}\\0"; } >&${MORE_FD} 2>/dev/null; exit $__status' EXIT
eval "shift $#
$1"`;

/** Argument vector of a run. */
export const sessionVector = (shell: string, command: string): readonly string[] => [shell, '-c', SCRIPT, shell, command];

/** Gathers the state that a run tells. */
export class StateReader {
  private readonly pieces: Buffer[] = [];
  private length = 0;

  take(piece: Buffer): void {
    this.length += piece.length;
    if (this.length <= MOST_STATE_BYTES) {
      this.pieces.push(Buffer.from(piece)); // the piece is only there during the call
    }
  }

  /** Undefined when the run has not told it whole: it was killed, or became another program. */
  read(): SessionState | undefined {
    const [workingDir, ...entries] = Buffer.concat(this.pieces).toString('utf8').split('\0');
    if (workingDir === undefined || entries.at(-2) !== END || this.length > MOST_STATE_BYTES) {
      return undefined;
    }
    const variables = entries.slice(0, -2).flatMap((entry) => {
      const at = entry.indexOf('=');
      const name = entry.slice(0, Math.max(at, 0));
      return name === '' || NOT_KEPT.includes(name) ? [] : [[name, entry.slice(at + 1)] as const];
    });
    return { workingDir, env: Object.fromEntries(variables) };
  }
}

/** Variables of one process: ours, and those that each shell makes anew. */
const NOT_KEPT: readonly string[] = [EnvVar.taskId, '_', 'SHLVL'];
