import type { Sandbox } from '../../../executor/execd/sandbox';

/** A sandbox in which commands are being started until they may go on. */
export interface HeldSandbox {
  /** @param root folder of the sandbox */
  readonly sandbox: (root: string) => Sandbox;
  /** Pid of the first command that has begun. */
  readonly begun: Promise<number>;
  /** From now on, whoever has begun is told that it runs. */
  readonly goOn: () => void;
}

/** Holds the starts of commands after their processes are there, and before anybody is told. */
export function startsAtGate(toSandbox: (root: string) => Sandbox): HeldSandbox {
  let goOn = () => {};
  let tell = (_pid: number) => {};
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  const begun = new Promise<number>((resolve) => (tell = resolve));
  const sandbox = (root: string): Sandbox => {
    const real = toSandbox(root);
    return {
      open: () => {
        const opened = real.open();
        return {
          ...opened,
          spawn: (...args) => {
            const spawned = opened.spawn(...args);
            if (spawned.child === undefined) return spawned;
            tell(spawned.pid);
            return { ...spawned, failure: gate.then(() => spawned.failure) };
          },
        };
      },
    };
  };
  return { sandbox, begun, goOn };
}
