/** Addresses of one third octet that are given to pods: 1 to 254. */
const HOSTS_PER_OCTET = 254;
/** Third octets that are given to pods: 1 to 255; octet 0 is for the cluster itself. */
const POD_OCTETS = 255;

/**
 * The loopback addresses 127.N.0.0/16 of one embedded cluster.
 *
 * Linux answers on all of 127.0.0.0/8 without any set-up, so each pod has an address of its own.
 */
export class AddressBlock {
  private readonly used = new Set<number>();
  private next = 0;

  /** @param octet the N of 127.N.x.y, from 1 to 254 */
  constructor(private readonly octet: number) {}

  /** Address of the API server and the operator. */
  get clusterAddress(): string {
    return `127.${String(this.octet)}.0.1`;
  }

  /**
   * A free address for a pod. Addresses are given out in turn, so that one that was just returned is not met again soon.
   *
   * @throws Error when all 64,770 are in use
   */
  take(): string {
    const size = HOSTS_PER_OCTET * POD_OCTETS;
    for (let tries = 0; tries < size; tries += 1) {
      const index = this.next;
      this.next = (this.next + 1) % size;
      if (this.used.has(index)) continue;
      this.used.add(index);
      return this.toAddress(index);
    }
    throw new Error(`pod address: expected a free one in 127.${String(this.octet)}.0.0/16, got none; delete some pods`);
  }

  /** Gives an address back. */
  release(address: string): void {
    const [, , third, fourth] = address.split('.').map(Number);
    if (third === undefined || fourth === undefined) return;
    this.used.delete((third - 1) * HOSTS_PER_OCTET + fourth - 1);
  }

  private toAddress(index: number): string {
    const third = Math.floor(index / HOSTS_PER_OCTET) + 1;
    const fourth = (index % HOSTS_PER_OCTET) + 1;
    return `127.${String(this.octet)}.${String(third)}.${String(fourth)}`;
  }
}
