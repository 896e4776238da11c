import type { ExecdErrorBody, ExecdEvent, ExecdEventError, RunCommandRequest } from '../../../src/schema/execd-api';

/** An event of any kind, as tests look at it. */
export type AnyEvent = { readonly type: ExecdEvent['type'] } & Partial<Record<'text' | 'execution_time' | 'execution_count' | 'timestamp', unknown>> & {
  readonly error?: ExecdEventError;
  readonly results?: Readonly<Record<string, string>>;
};

/** What a run has answered. */
export interface Run {
  readonly status: number;
  readonly type: string | null;
  readonly events: readonly AnyEvent[];
  /** Lines of standard output, and of standard error. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** From the last event, as SDKs take it: 0 for a run that was completed. */
  readonly exitCode: number;
  readonly id: string;
  /** Text of the value of code; absent when it has none. */
  readonly result?: string;
  /** Why it has failed. */
  readonly error?: ExecdEventError;
}

/** The API of commands and files of one executor, as HTTP has it. */
export class ExecdClient {
  /** @param headers of every request */
  constructor(
    readonly origin: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  ask(method: string, path: string, body?: unknown, init: { readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Response> {
    return fetch(this.origin + path, { ...init, headers: { ...this.headers, ...init.headers }, method, body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body) });
  }

  /** An answer that must be an error as the API has them: JSON with a code and a message, and its length. */
  async refused(method: string, path: string, body?: unknown, init?: { readonly headers?: Readonly<Record<string, string>> }): Promise<{ status: number; code: string }> {
    const answer = await this.ask(method, path, body, init);
    const text = await answer.text();
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
    const { code, message } = JSON.parse(text) as ExecdErrorBody;
    expect(message).not.toBe('');
    return { status: answer.status, code };
  }

  run(command: string, more: Partial<RunCommandRequest> = {}): Promise<Run> {
    return this.runBody('/command', { command, ...more });
  }

  async runBody(path: string, body: unknown): Promise<Run> {
    const answer = await this.ask('POST', path, body);
    const text = await answer.text();
    const isStream = answer.headers.get('content-type') === 'text/event-stream';
    const events = isStream ? toEvents(text) : [];
    const textOf = (type: string) => events.flatMap((event) => (event.type === type ? [String(event.text)] : []));
    const last = events.at(-1);
    const exitCode = last?.type === 'execution_complete' ? 0 : Number(last?.error?.evalue);
    return { status: answer.status, type: answer.headers.get('content-type'), events, stdout: textOf('stdout'), stderr: textOf('stderr'), exitCode, id: textOf('init')[0] ?? '', result: events.find(({ type }) => type === 'result')?.results?.['text/plain'], error: last?.error };
  }
}

/** Events of a stream, each of which must be one line of JSON with exactly two line feeds. */
export function toEvents(text: string): AnyEvent[] {
  expect(text.endsWith('\n\n')).toBe(true);
  return text.slice(0, -2).split('\n\n').map((line) => JSON.parse(line) as AnyEvent);
}
