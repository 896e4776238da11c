import { Refusal } from '../refusal';

/** Most bytes of the headers of one part. */
const MOST_HEADER_BYTES = 16 * 1024;

/** One part of a form. Its body has to be read, or dropped, before the next part comes. */
export interface FormPart {
  /** Name of the field. */
  readonly name: string;
  readonly body: AsyncIterable<Buffer>;
}

/** Boundary of a form as its content type has it. @throws Refusal of status 400 for what is no form */
export function boundaryOf(contentType: string | undefined): string {
  const [, quoted, bare] = /^multipart\/form-data\s*;(?:[^"]*;)?\s*boundary=(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType?.slice(0, 1000) ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) {
    throw new Refusal(400, 'INVALID_FILE', 'content-type: expected multipart/form-data with a boundary, got something else');
  }
  return boundary;
}

/**
 * Reads a form piece by piece; no more than a piece of it is in memory.
 *
 * @throws Refusal of status 400 when it is cut off, or no form
 */
export async function* readForm(source: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<FormPart> {
  const reader = new FormReader(source, Buffer.from(`\r\n--${boundary}`));
  for (;;) {
    for await (const _text of reader.untilDelimiter()); // what is before the first part, or was not read of the last one
    const end = await reader.take(2);
    if (end.equals(DASHES)) {
      return;
    }
    // Blanks may follow a delimiter.
    const headers = (end.toString('latin1') + (await reader.takeHeaders())).replace(/^[ \t]*\r\n/, '');
    const disposition = /^content-disposition:[ \t]*form-data([^\r\n]*)/im.exec(headers)?.[1] ?? '';
    const name = /;[ \t]*name="([^"]*)"/i.exec(disposition)?.[1] ?? /;[ \t]*name=([^\s;"]+)/i.exec(disposition)?.[1];
    if (name === undefined) {
      throw new Refusal(400, 'INVALID_FILE', 'form: expected a name in the headers of each part, got none');
    }
    yield { name, body: reader.untilDelimiter() };
  }
}

const DASHES = Buffer.from('--');
const HEADERS_END = Buffer.from('\r\n\r\n');

class FormReader {
  private readonly source: AsyncIterator<Buffer>;
  /** What has come and was not taken. The form begins with a delimiter without its line end, so one is put before it. */
  private held: Buffer = Buffer.from('\r\n');
  /** The delimiter that ends the part has been taken. */
  private isPartOver = false;

  constructor(
    source: AsyncIterable<Buffer>,
    private readonly delimiter: Buffer,
  ) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** Pieces up to the next delimiter, and takes that; nothing when it has been taken. */
  async *untilDelimiter(): AsyncGenerator<Buffer> {
    while (!this.isPartOver) {
      const at = this.held.indexOf(this.delimiter);
      const isThere = at >= 0;
      // The end of what is held may be the begin of a delimiter.
      const length = isThere ? at : Math.max(0, this.held.length - this.delimiter.length + 1);
      const piece = this.held.subarray(0, length);
      this.held = this.held.subarray(isThere ? at + this.delimiter.length : length);
      this.isPartOver = isThere;
      if (piece.length > 0) {
        yield piece;
      }
      if (!isThere) {
        await this.more();
      }
    }
  }

  async take(length: number): Promise<Buffer> {
    while (this.held.length < length) {
      await this.more();
    }
    const taken = this.held.subarray(0, length);
    this.held = this.held.subarray(length);
    return taken;
  }

  /** The headers of the next part without the empty line that ends them. */
  async takeHeaders(): Promise<string> {
    let at = this.held.indexOf(HEADERS_END);
    for (; at < 0; at = this.held.indexOf(HEADERS_END)) {
      if (this.held.length > MOST_HEADER_BYTES) {
        throw new Refusal(400, 'INVALID_FILE', `form: expected at most ${MOST_HEADER_BYTES} bytes of headers of a part, got more`);
      }
      await this.more();
    }
    this.isPartOver = false;
    const headers = await this.take(at);
    await this.take(HEADERS_END.length);
    return headers.toString('utf8');
  }

  private async more(): Promise<void> {
    const next = await this.source.next();
    if (next.done === true) {
      throw new Refusal(400, 'INVALID_FILE_CONTENT', 'form: expected a delimiter at its end, got the end of the body');
    }
    this.held = this.held.length === 0 ? next.value : Buffer.concat([this.held, next.value]);
  }
}
