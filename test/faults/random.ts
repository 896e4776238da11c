/** Numbers that look random and follow from a seed alone (sfc32, seeded by the characters of the text). */
export class Random {
  private state: [number, number, number, number];

  /** @param seed equal seeds give equal numbers, for ever */
  constructor(private readonly seed: string) {
    let hash = 0x811c9dc5;
    const words = [0, 1, 2, 3].map((word) => {
      for (const character of `${word}/${seed}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
      return hash >>> 0;
    });
    this.state = [words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0];
    for (let turn = 0; turn < 16; turn++) this.next();
  }

  /** A stream of its own: what is drawn from it moves nothing in this one. */
  fork(name: string): Random {
    return new Random(`${this.seed}/${name}`);
  }

  /** From 0 up to 1. */
  next(): number {
    const [a, b, c, d] = this.state;
    const sum = (a + b + d) | 0;
    this.state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + sum) | 0, (d + 1) | 0];
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** A number from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** True so often out of one. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** One of the items. @throws Error when there is none */
  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new Error('random: expected something to pick from, got nothing');
    return item;
  }

  /** So many characters of an alphabet. */
  text(length: number, alphabet: string): string {
    return Array.from({ length }, () => alphabet.charAt(this.whole(0, alphabet.length - 1))).join('');
  }
}
