/** Keys in a text that people write: one a line, without blanks around it; blank lines and those that begin with # are left out. */
export function keyLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
