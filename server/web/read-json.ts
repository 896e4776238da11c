import { LifecycleError } from '../lifecycle-error';

/** Most bytes of a body of the lifecycle API. */
export const MAX_BODY_BYTES = 1_048_576;

/**
 * The body of a request as JSON; undefined when it has none.
 *
 * @throws LifecycleError GENERAL::BODY_TOO_LARGE above {@link MAX_BODY_BYTES}; SANDBOX::INVALID_PARAMETER when it is no JSON
 */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new LifecycleError('SANDBOX::INVALID_PARAMETER', 'body: expected JSON, got other text', { cause: error });
  }
}

async function readText({ headers, body }: Request): Promise<string> {
  if (Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): LifecycleError {
  return new LifecycleError('GENERAL::BODY_TOO_LARGE', `body: expected at most ${MAX_BODY_BYTES} bytes, got more`);
}
