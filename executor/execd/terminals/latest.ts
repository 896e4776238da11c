/** Does some work with the last of many values, one at a time: what comes during a work waits, and only the last of it is kept. */
export class Latest<T> {
  private waiting?: { readonly value: T };
  private isBusy = false;

  /** @param work whose failure concerns nobody */
  constructor(private readonly work: (value: T) => Promise<unknown>) {}

  set(value: T): void {
    this.waiting = { value };
    if (!this.isBusy) {
      void this.run();
    }
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    for (let next = this.waiting; next !== undefined; next = this.waiting) {
      this.waiting = undefined;
      await this.work(next.value).catch(() => undefined);
    }
    this.isBusy = false;
  }
}
