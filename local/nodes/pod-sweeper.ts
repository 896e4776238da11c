import { killMarked, POD_MARKER } from './marked-processes';

/** Longest time to kill what is left of pods, in ms. */
const KILL_TIMEOUT_MS = 5_000;
/** Pods that end within this time share one look through /proc, in ms. */
const GATHER_MS = 5;

/**
 * Kills processes of ended pods that have left their process group, such as daemons.
 *
 * A look through /proc costs some ms, so pods that end together share one.
 */
export class PodSweeper {
  private gathering: { readonly uids: Set<string>; readonly done: Promise<void> } | undefined;

  /** Resolves when no process of the pod is left, or after 5 s. */
  sweep(podUid: string): Promise<void> {
    this.gathering ??= this.gather(new Set());
    this.gathering.uids.add(podUid);
    return this.gathering.done;
  }

  private gather(uids: Set<string>) {
    const done = new Promise<void>((resolve, reject) => {
      setTimeout(() => {
        this.gathering = undefined;
        killMarked(POD_MARKER, (uid) => uids.has(uid), KILL_TIMEOUT_MS).then(() => resolve(), reject);
      }, GATHER_MS);
    });
    return { uids, done };
  }
}
