import { type IConstruct } from 'constructs';
import { type Problem, problem, showKind, showValue } from './schema/errors';
import { nearest } from './schema/nearest';
import { isRecord } from './schema/validation';

/**
 * What is wrong with one construct, collected while it renders.
 *
 * Rendering never throws on bad input: it adds a problem here and goes on, so that one synth reports everything.
 */
export class Problems {
  private readonly found: Problem[] = [];
  private readonly doubts: Problem[] = [];

  /** All problems so far, in the order of their discovery. */
  get all(): readonly Problem[] {
    return [...this.found];
  }

  /** What may be a mistake, or right on a cluster that we do not know. */
  get warnings(): readonly Problem[] {
    return [...this.doubts];
  }

  /** Adds one problem; `value` is what was found at `path`. */
  add(path: string, expected: string, value: unknown, fix?: string): void {
    this.found.push({ path, expected, got: showValue(value), fix });
  }

  /** {@link add} for a value that may be a secret or has no short form: only its kind is told. */
  addKind(path: string, expected: string, value: unknown, fix?: string): void {
    this.found.push({ path, expected, got: showKind(value), fix });
  }

  /** {@link add} for what only may be a mistake: it is printed, and synth goes on. */
  warn(path: string, expected: string, value: unknown, fix?: string): void {
    this.doubts.push({ path, expected, got: showValue(value), fix });
  }

  /** Adds problems whose paths are right already. */
  addAll(problems: readonly Problem[]): void {
    this.found.push(...problems);
  }

  /** Whether `value` is an object with no keys but `names`; each other key is a problem. */
  checkKeys(path: string, value: unknown, names: readonly string[]): value is Readonly<Record<string, unknown>> {
    if (!isRecord(value)) {
      this.add(path, 'an object', value);
      return false;
    }
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined && !names.includes(key)) {
        const meant = nearest(key, names);
        this.add(path, `one of ${names.map((name) => `'${name}'`).join(', ')}`, key, meant && `did you mean '${meant}'?`);
      }
    }
    return true;
  }
}

/**
 * Reports the problems of `construct` at synth, each as `<kind> '<construct path>': <path>: expected …, got …`.
 *
 * cdk8s validates the whole app before it writes the first file, and lists the problems of all constructs in one error. It has no warnings of
 * its own: ours go to standard error, each once, although cdk8s validates again for each chart.
 */
export function reportAtSynth(construct: IConstruct, kind: string, collect: (problems: Problems) => void): void {
  const subject = `${kind} '${construct.node.path}'`;
  const sentence = ({ path, expected, got, fix }: Problem) => problem(subject, path, expected, got, fix);
  const warned = new Set<string>();
  construct.node.addValidation({
    validate: () => {
      const problems = new Problems();
      try {
        collect(problems);
      } catch (error) {
        // An error here would hide the problems of every other construct.
        problems.add('', 'a construct that renders', error instanceof Error ? error.message : error);
      }
      for (const warning of problems.warnings.map(sentence).filter((text) => !warned.has(text))) {
        warned.add(warning);
        console.warn(`warning: ${warning}`);
      }
      return problems.all.map(sentence);
    },
  });
}
