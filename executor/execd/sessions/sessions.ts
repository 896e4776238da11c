import { randomBytes } from 'node:crypto';
import { Refusal, unknownContext } from '../refusal';
import { Turns } from '../turns';
import type { Command } from '../commands/command';
import type { SessionState } from './state';

/** Most sessions at a time (E11). */
const MOST_SESSIONS = 100;

/** One shell after the other, each of which goes on where the one before it ended. */
export class Session {
  /** Command that runs. */
  command?: Command;
  isDeleted = false;
  private readonly turns = new Turns();

  /**
   * @param workingDir as it was asked for; empty for that of the sandbox
   * @param state after the last run that told one
   */
  constructor(
    readonly id: string,
    readonly workingDir: string,
    public state?: SessionState,
  ) {}

  /** Runs one after the other. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    return this.turns.take(run);
  }

  /** Ends the command that runs. */
  async interrupt(): Promise<void> {
    await this.command?.stop();
  }

  /** Notes what runs now. The session may have been deleted while it was being started: then it ends at once. */
  begin(command: Command | undefined): void {
    this.command = command;
    if (this.isDeleted) void command?.stop();
  }

  /** Ends what runs, and lets nothing more run. Resolves when nothing does. */
  async end(): Promise<void> {
    this.isDeleted = true;
    await this.interrupt();
    await this.turns.take(() => Promise.resolve());
  }
}

/** @param workingDir as it was asked for; empty for that of the sandbox */
export const newSession = (workingDir: string): Session => new Session(randomBytes(16).toString('hex'), workingDir);

/** All sessions. */
export class Sessions {
  private readonly sessions = new Map<string, Session>();

  /** @throws Refusal of status 429 when there are too many */
  add(workingDir: string): Session {
    if (this.sessions.size >= MOST_SESSIONS) {
      throw new Refusal(429, 'TOO_MANY_REQUESTS', `sessions: expected fewer than ${MOST_SESSIONS}, got ${this.sessions.size}; delete some`, { 'retry-after': '1' });
    }
    const session = newSession(workingDir);
    this.sessions.set(session.id, session);
    return session;
  }

  find(id: string): Session | undefined {
    return this.sessions.get(id);
  }

  /** @throws Refusal of status 404 for one that is unknown */
  require(id: string): Session {
    const session = this.sessions.get(id);
    if (session === undefined) {
      throw unknownContext('session', id);
    }
    return session;
  }

  /** Ends a session and the command that runs in it, or is just being started. @throws Refusal of status 404 for one that is unknown */
  async delete(id: string): Promise<void> {
    const session = this.require(id);
    this.sessions.delete(id);
    await session.end();
  }

  /** Forgets all; their commands are ended as all are. */
  clear(): void {
    this.sessions.forEach((session) => (session.isDeleted = true));
    this.sessions.clear();
  }
}
