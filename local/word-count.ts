/** How often each word occurs. */
export type WordCounts = ReadonlyMap<string, number>;

/** Words with their counts, the most frequent first; equal counts in the order of the alphabet. */
export type RankedWords = readonly { readonly word: string; readonly count: number }[];

/**
 * Reads lines of the form `<count> <word>`.
 *
 * @throws Error on any other line
 */
export function parseWordCounts(text: string): WordCounts {
  const counts = new Map<string, number>();
  for (const line of text.split('\n').filter((candidate) => candidate.trim() !== '')) {
    const match = /^\s*(\d+) (\S+)$/.exec(line);
    if (match === null) throw new Error(`word counts: expected '<count> <word>', got '${line.slice(0, 200)}'`);
    addCount(counts, match[2] ?? '', Number(match[1]));
  }
  return counts;
}

/** Sums of several counts. */
export function mergeWordCounts(parts: Iterable<WordCounts>): WordCounts {
  const sum = new Map<string, number>();
  for (const part of parts) for (const [word, count] of part) addCount(sum, word, count);
  return sum;
}

/** True when both have the same words with the same counts. */
export function areEqualCounts(a: WordCounts, b: WordCounts): boolean {
  return a.size === b.size && [...a].every(([word, count]) => b.get(word) === count);
}

/** The most frequent words. */
export function topWords(counts: WordCounts, limit: number): RankedWords {
  return [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, limit);
}

function addCount(counts: Map<string, number>, word: string, count: number): void {
  counts.set(word, (counts.get(word) ?? 0) + count);
}
