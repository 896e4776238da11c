import { isRecord } from './schema/validation';

/** Sections as TOML: one table a section, what is deeper in one line; absent values are left out. Equal input gives equal bytes. */
export function renderToml(sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  return Object.entries(sections)
    .filter(([, values]) => pairsOf(values).length > 0)
    .map(([name, values]) => [`[${keyText(name)}]`, ...pairsOf(values).map(([key, value]) => `${keyText(key)} = ${valueText(value)}`), ''].join('\n'))
    .join('\n');
}

function pairsOf(values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(values).filter(([, value]) => value !== undefined);
}

/** Text, numbers and lists of JSON are those of TOML. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(valueText).join(', ')}]`;
  }
  return isRecord(value) ? `{ ${pairsOf(value).map(([key, part]) => `${keyText(key)} = ${valueText(part)}`).join(', ')} }` : JSON.stringify(value);
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}
