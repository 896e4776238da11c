/**
 * Variables of the file that SDKs write: lines `NAME=value`, `#` begins a comment. A value in single quotes is taken as it is; one in double quotes
 * knows `\\ \" \n \r \t`, and both that and a bare one replace `$NAME` and `${NAME}` by what stands before it, in the file or in `env`.
 *
 * Lines that are no variables are left out: the file belongs to the sandbox.
 */
export function parseEnvFile(text: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    const [begin = '', name] = /^(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(trimmed) ?? [];
    const written = trimmed.slice(begin.length);
    if (name !== undefined && !written.includes('\0')) {
      variables[name] = valueOf(written, (wanted) => variables[wanted] ?? env[wanted] ?? '');
    }
  }
  return variables;
}

function valueOf(written: string, lookUp: (name: string) => string): string {
  const value = written.trimStart();
  const single = /^'([^']*)'/.exec(value)?.[1];
  if (single !== undefined) {
    return single;
  }
  const double = /^"((?:[^"\\]|\\.)*)"/.exec(value)?.[1];
  if (double === undefined) {
    return expand(withoutComment(written).trim(), lookUp);
  }
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
  // Between two escapes `$` has its meaning; what an escape stands for has none.
  return double
    .split(/(\\[nrt"\\])/)
    .map((part, index) => (index % 2 === 1 ? (escapes[part.slice(1)] ?? part) : expand(part, lookUp)))
    .join('');
}

/** By hand: a pattern for it takes the square of the time for a line of blanks, and the sandbox writes the file. */
function withoutComment(written: string): string {
  for (let at = written.indexOf('#', 1); at > 0; at = written.indexOf('#', at + 1)) {
    if (/\s/.test(written[at - 1] ?? '')) {
      return written.slice(0, at);
    }
  }
  return written;
}

const expand = (text: string, lookUp: (name: string) => string): string =>
  text.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_all, braced?: string, bare?: string) => lookUp(braced ?? bare ?? ''));
