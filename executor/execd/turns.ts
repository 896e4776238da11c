/** Does one thing after the other, in the order in which they came. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Begins `work` when all that came before has ended, however it has. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
