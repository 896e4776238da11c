import { shellCode } from '../../../src/schema/execd-api';
import { parseContract } from '../../contract';
import type { Call } from '../calls';
import { badBody } from '../refusal';
import { runInSession, type SessionRoutesOptions } from '../sessions/routes';
import type { Session } from '../sessions/sessions';
import type { CodeContext } from './code-context';

/** A context of a shell is a session: it keeps exported variables and the working directory. */
export class ShellContext implements CodeContext {
  readonly language = 'bash';
  readonly gone: Promise<string>;
  private settleGone: (why: string) => void = () => {};

  constructor(
    private readonly session: Session,
    private readonly options: SessionRoutesOptions,
  ) {
    this.gone = new Promise((resolve) => (this.settleGone = resolve));
  }

  get id(): string {
    return this.session.id;
  }

  run(call: Call, code: string): Promise<void> {
    const command = requireShellCode(code);
    return this.session.inTurn(() => runInSession(call, this.session, { command }, this.options));
  }

  interrupt(): Promise<void> {
    return this.session.interrupt();
  }

  async end(): Promise<void> {
    this.settleGone('was deleted');
    await this.session.end();
  }
}

/** @throws Refusal of status 400 for code that no shell gets: it is too long for an argument, or has NUL characters */
export function requireShellCode(code: string): string {
  const parsed = parseContract(shellCode, code, 'code', 'code for a shell');
  if (!parsed.ok) {
    throw badBody(...parsed.problems);
  }
  return parsed.value;
}
