import { closeSync, constants, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecdApp } from '../../../executor/execd/app';
import { createExecdServer } from '../../../executor/execd/server';
import { hostSandbox, type Sandbox } from '../../../executor/execd/sandbox';
import type { Credentials } from '../../../executor/tasks/main-process';
import { type Clock, systemClock } from '../../../src/program/clock';
import { ExecdClient } from './execd-client';

/** A sandbox whose root is a folder, and that is not ours: what is done in it is checked as of its user. */
export function foreignSandbox(root: string, credentials: Credentials): Sandbox {
  return {
    open: () => {
      const [rootFd, workingDirFd] = [openSync(root, constants.O_RDONLY), openSync(join(root, 'work'), constants.O_RDONLY)];
      const close = () => [rootFd, workingDirFd].forEach((fd) => closeSync(fd));
      const spawn = () => {
        throw new Error('expected no command');
      };
      return { rootFd, workingDirFd, env: { HOME: '/work' }, credentials, isForeign: true, close, spawn };
    },
  };
}

/** The API in this process, on a sandbox that is a folder. */
export class AppInProcess {
  readonly client: ExecdClient;

  private constructor(
    /** Root of what tests make files in. */
    readonly root: string,
    readonly dataDir: string,
    readonly logged: readonly unknown[],
    readonly server: Server,
    readonly app: ExecdApp,
  ) {
    this.client = new ExecdClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  /** @param toSandbox made of the root; by default it is the working directory of this machine's own */
  static async start(
    toSandbox: (root: string) => Sandbox = (root) => hostSandbox({ PATH: process.env['PATH'] ?? '', HOME: root, NAME: 'value' }, root),
    clock: Clock = systemClock,
  ): Promise<AppInProcess> {
    const [root, dataDir] = ['root', 'data'].map((name) => mkdtempSync(join(tmpdir(), `execd-test-${name}-`))) as [string, string];
    const logged: unknown[] = [];
    const log = { info: () => undefined, error: (fields: unknown) => void logged.push(fields) };
    const app = new ExecdApp({ sandbox: toSandbox(root), clock, log, dataDir, scope: 'in-process' });
    const server = createExecdServer(() => Promise.resolve(app));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new AppInProcess(root, dataDir, logged, server, app);
  }

  /** Ends all; nothing of it may be left. */
  async stop(): Promise<void> {
    await this.app.end();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    expect(readdirSync(this.dataDir)).toEqual([]);
    expect(this.logged).toEqual([]);
    for (const folder of [this.root, this.dataDir]) rmSync(folder, { recursive: true, force: true });
  }
}
