import { Refusal } from '../refusal';

/** Bytes of a file, from the first to the one after the last. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The one range of bytes that is asked for; undefined for the whole file: nothing is asked for, another unit, more than one range, or the file is empty.
 *
 * @param size of the file in bytes
 * @throws Refusal of status 416 for one outside the file
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? '') ?? [];
  if ((first === '' && last === '') || size === 0 || (first !== '' && last !== '' && Number(last) < Number(first))) {
    return undefined;
  }
  const range = first === '' ? { from: Math.max(0, size - Number(last)), to: size } : { from: Number(first), to: last === '' ? size : Math.min(size, Number(last) + 1) };
  if (range.from >= size) {
    throw new Refusal(416, 'UNKNOWN', `range: expected one within ${size} bytes, got one outside`, { 'content-range': `bytes */${size}` });
  }
  return range;
}
