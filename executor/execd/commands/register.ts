import type { Clock } from '../../../src/program/clock';
import type { CommandStatus } from '../../../src/schema/execd-api';
import { Refusal, unknownContext } from '../refusal';
import type { Command, CommandEnd } from './command';
import type { OutputLog } from './output-log';

/** Most commands that run at a time (E11). */
export const MOST_RUNNING = 256;

/** What is kept of commands that have ended (E10). */
const KEPT = { count: 1_000, ms: 60 * 60_000, logBytes: 256 * 1024 * 1024 } as const;

/** Most processes left behind whose output is read; above it the oldest may not write any more. */
const MOST_LEFT_BEHIND = 256;

/** Characters that are kept of a command: a thousand of them are to be told of for a while. */
const MOST_CONTENT = 16_384;

/** A command and what became of it. */
export interface CommandRecord {
  readonly id: string;
  /** The begin of it, as it was asked for. */
  readonly content: string;
  readonly startedAt: Date;
  /** What it wrote; absent for one of the foreground. */
  readonly log?: OutputLog;
  /** Absent while it is being started, and once it has ended: its pipes and process are ten times the size of all else that is kept. */
  command?: Command;
  finished?: { readonly at: Date; readonly end: CommandEnd; readonly cancelExpiry: () => void };
}

/** All commands that run, and the last ones that have ended. */
export class CommandRegister {
  private readonly records = new Map<string, CommandRecord>();
  private readonly leftBehind = new Set<Command>();
  private runningCount = 0;
  private keptBytes = 0;

  constructor(private readonly clock: Clock) {}

  /** @throws Refusal of status 429 when too many run */
  add(id: string, content: string, log: OutputLog | undefined): CommandRecord {
    if (this.runningCount >= MOST_RUNNING) {
      throw new Refusal(429, 'TOO_MANY_REQUESTS', `commands: expected fewer than ${MOST_RUNNING} that run, got ${this.runningCount}`, { 'retry-after': '1' });
    }
    this.runningCount += 1;
    const record: CommandRecord = { id, content: beginOf(content), startedAt: this.clock.now(), log };
    this.records.set(id, record);
    return record;
  }

  /** @throws Refusal of status 404 for one that is unknown, or forgotten */
  require(id: string): CommandRecord {
    const record = this.records.get(id);
    if (record === undefined) {
      throw unknownContext('command', id);
    }
    return record;
  }

  /** Notes that a command has ended; it is kept for a while. */
  finish(record: CommandRecord, end: CommandEnd): void {
    this.runningCount -= 1;
    const cancelExpiry = this.clock.setTimer(KEPT.ms, () => this.forget(record));
    record.finished = { at: this.clock.now(), end, cancelExpiry };
    this.records.delete(record.id);
    this.records.set(record.id, record); // in the order of their ends
    this.keptBytes += record.log?.size ?? 0;
    this.followLeftBehind(record.command);
    record.command = undefined;
    this.forgetTooMany();
  }

  /** Forgets a command that was never begun. */
  drop(record: CommandRecord): void {
    this.runningCount -= 1;
    this.records.delete(record.id);
    record.log?.close();
  }

  /** Commands that run. */
  running(): readonly CommandRecord[] {
    return [...this.records.values()].filter(({ finished }) => finished === undefined);
  }

  /** Forgets what has ended, and reads nothing more of what was left behind. */
  clear(): void {
    [...this.records.values()].filter(({ finished }) => finished !== undefined).forEach((record) => this.forget(record));
    this.leftBehind.forEach((command) => command.abandon());
  }

  private followLeftBehind(command: Command | undefined): void {
    if (command === undefined) {
      return;
    }
    this.leftBehind.add(command);
    void command.closed.then(() => this.leftBehind.delete(command));
    const [oldest] = this.leftBehind;
    if (this.leftBehind.size > MOST_LEFT_BEHIND) {
      oldest?.abandon();
    }
  }

  private forgetTooMany(): void {
    const ended = [...this.records.values()].filter(({ finished }) => finished !== undefined);
    for (let count = ended.length; count > KEPT.count || this.keptBytes > KEPT.logBytes; count -= 1) {
      const oldest = ended.shift();
      if (oldest === undefined) {
        return;
      }
      this.forget(oldest);
    }
  }

  private forget(record: CommandRecord): void {
    if (this.records.get(record.id) === record) {
      this.records.delete(record.id);
      this.keptBytes -= record.log?.size ?? 0;
      record.finished?.cancelExpiry();
      record.log?.close();
    }
  }
}

/** A copy: a slice would keep the whole text in memory. */
function beginOf(content: string): string {
  return content.length <= MOST_CONTENT ? content : Buffer.from(content.slice(0, MOST_CONTENT), 'utf16le').toString('utf16le');
}

/** What is told of a command. */
export function toStatus({ id, content, startedAt, finished, log }: CommandRecord): CommandStatus {
  const begin = { id, content, running: finished === undefined, started_at: startedAt.toISOString() };
  if (finished === undefined) {
    return begin;
  }
  const problems = [problemOf(finished.end), log?.problem].filter((problem) => problem !== undefined);
  return { ...begin, exit_code: finished.end.exitCode, error: problems.length === 0 ? undefined : problems.join('; '), finished_at: finished.at.toISOString() };
}

/** What was wrong with a command in one sentence; undefined when nothing was. */
export function problemOf({ exitCode, isTimeout, startProblem }: CommandEnd): string | undefined {
  if (isTimeout) {
    return `the command was ended at its time limit, with exit code ${exitCode}`;
  }
  return startProblem ?? (exitCode === 0 ? undefined : `the command ended with exit code ${exitCode}`);
}
