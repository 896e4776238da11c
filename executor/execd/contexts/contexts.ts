import { Refusal, unknownContext } from '../refusal';
import type { RunOrder } from '../commands/runner';
import { makeWorkingDir, type SessionRoutesOptions } from '../sessions/routes';
import { newSession } from '../sessions/sessions';
import { type CodeContext, contextGone } from './code-context';
import type { InterpreterOptions } from './interpreter';
import { InterpreterContext } from './interpreter-context';
import { type CodeLanguage, requireLanguage } from './languages';
import { ShellContext } from './shell-context';

/** Most contexts at a time: an interpreter takes some 10 to 50 MB of the memory of its sandbox. */
const MOST_CONTEXTS = 64;
/** Contexts of which is kept why they are gone. */
const MOST_REASONS = 100;

/** What contexts are made with. */
export type ContextsOptions = SessionRoutesOptions & InterpreterOptions;

/** A context that is shared, from when it is being made. */
interface Shared {
  readonly made: Promise<CodeContext>;
  context?: CodeContext;
}

/** All code contexts. */
export class Contexts {
  private readonly contexts = new Map<string, CodeContext>();
  /** Of each language the one for code that names none. */
  private readonly shared = new Map<string, Shared>();
  /** Why some are gone that nobody has deleted. */
  private readonly reasons = new Map<string, string>();
  private startingCount = 0;

  constructor(private readonly options: ContextsOptions) {}

  /**
   * Starts a context.
   *
   * @param cwd directory of its own, which is made if absent; empty for that of the sandbox
   * @throws Refusal of status 429 when there are too many, 501 for a language that is not offered here, and others of a start
   */
  async create(language: string, cwd = ''): Promise<CodeContext> {
    const known = requireLanguage(language);
    const count = this.contexts.size + this.startingCount;
    if (count >= MOST_CONTEXTS) {
      throw new Refusal(429, 'TOO_MANY_REQUESTS', `contexts: expected fewer than ${MOST_CONTEXTS}, got ${count}; delete some`, { 'retry-after': '1' });
    }
    this.startingCount += 1;
    try {
      const context = await this.start(known, cwd);
      this.contexts.set(context.id, context);
      void context.gone.then((why) => this.forget(context, why));
      return context;
    } finally {
      this.startingCount -= 1;
    }
  }

  /** The context that all code of a language shares that names none; made if there is none. @throws as {@link create} does */
  share(language: string): Promise<CodeContext> {
    const known = this.shared.get(language);
    if (known !== undefined) {
      return known.made;
    }
    const made = this.create(language);
    const shared: Shared = { made };
    this.shared.set(language, shared);
    made.then(
      (context) => {
        shared.context = context;
        void context.gone.then(() => this.unshare(context));
      },
      () => {
        if (this.shared.get(language) === shared) this.shared.delete(language);
      },
    );
    return made;
  }

  /** Code that names no context gets another one than this from now on. */
  unshare(context: CodeContext): void {
    if (this.shared.get(context.language)?.context === context) this.shared.delete(context.language);
  }

  /** Those of a language, or all. */
  list(language?: string): readonly CodeContext[] {
    return [...this.contexts.values()].filter((context) => language === undefined || context.language === language);
  }

  find(id: string): CodeContext | undefined {
    return this.contexts.get(id);
  }

  /** @throws Refusal of status 404 for one that is unknown, or is gone */
  require(id: string): CodeContext {
    const context = this.contexts.get(id);
    if (context === undefined) {
      const why = this.reasons.get(id);
      throw why === undefined ? unknownContext('context', id) : contextGone(id, why);
    }
    return context;
  }

  /** Ends a context and what runs in it. */
  async delete(context: CodeContext): Promise<void> {
    this.contexts.delete(context.id);
    this.unshare(context);
    await context.end();
  }

  /** Ends all and forgets them. */
  async clear(): Promise<void> {
    this.shared.clear();
    this.reasons.clear();
    await Promise.all(this.list().map((context) => this.delete(context)));
  }

  private async start(language: CodeLanguage, cwd: string): Promise<CodeContext> {
    const { runner, sandbox, preparation } = this.options;
    runner.assertOpen();
    if (cwd !== '') await makeWorkingDir(sandbox, cwd);
    if (language === 'bash') {
      return new ShellContext(newSession(cwd), this.options);
    }
    const place: RunOrder['place'] = await preparation.prepare({ cwd });
    return InterpreterContext.start(language, place, this.options);
  }

  private forget(context: CodeContext, why: string): void {
    if (this.contexts.get(context.id) !== context) {
      return; // deleted
    }
    this.contexts.delete(context.id);
    this.reasons.set(context.id, why);
    const [oldest] = this.reasons.keys();
    if (this.reasons.size > MOST_REASONS && oldest !== undefined) this.reasons.delete(oldest);
  }
}
