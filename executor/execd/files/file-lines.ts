const LF = 0x0a;

/**
 * Some lines out of pieces of a text, with their ends.
 *
 * @param first number of the first one, from 1
 * @param count how many
 */
export async function* linesOf(pieces: AsyncIterable<Buffer>, first: number, count: number): AsyncGenerator<Buffer> {
  let line = 1;
  for await (const piece of pieces) {
    let at = 0;
    for (; line < first && at < piece.length; line += 1) {
      const end = piece.indexOf(LF, at);
      if (end < 0) {
        at = piece.length;
        break;
      }
      at = end + 1;
    }
    const begin = at;
    for (; line >= first && line < first + count && at < piece.length; line += 1) {
      const end = piece.indexOf(LF, at);
      if (end < 0) {
        at = piece.length;
        break;
      }
      at = end + 1;
    }
    if (at > begin) {
      yield piece.subarray(begin, at);
    }
    if (line >= first + count) {
      return;
    }
  }
}
