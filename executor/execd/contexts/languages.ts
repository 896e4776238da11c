import { Refusal } from '../refusal';
import { NODE_DRIVER } from './node-driver';
import { PYTHON_DRIVER } from './python-driver';

/** Languages of code contexts. */
const CODE_LANGUAGES = ['python', 'javascript', 'bash'] as const;
export type CodeLanguage = (typeof CODE_LANGUAGES)[number];

/** The ones of them whose interpreter lives as long as its context: of a shell, a context keeps what a session does. */
export type InterpretedLanguage = Exclude<CodeLanguage, 'bash'>;

/** How an interpreter is started. */
interface InterpreterProgram {
  /** As it is looked for: also where the variables of the sandbox have another PATH. */
  readonly programs: readonly string[];
  /** Arguments that make it run our driver. */
  readonly args: readonly string[];
}

/** Interpreters by language. */
export const INTERPRETERS: Readonly<Record<InterpretedLanguage, InterpreterProgram>> = {
  python: { programs: ['python3', '/usr/local/bin/python3', '/usr/bin/python3'], args: ['-c', PYTHON_DRIVER] },
  javascript: { programs: ['node', '/usr/local/bin/node', '/usr/bin/node'], args: ['-e', NODE_DRIVER] },
};

/** @throws Refusal of status 501 for a language that is not offered */
export function requireLanguage(language: string): CodeLanguage {
  const known = CODE_LANGUAGES.find((offered) => offered === language);
  if (known === undefined) {
    throw new Refusal(501, 'NOT_SUPPORTED', `language: expected ${CODE_LANGUAGES.join(', ')}, got '${language.slice(0, 200)}', which this sandbox does not offer; run its programs by /command`);
  }
  return known;
}

/** An image without an interpreter of a language. */
export const withoutInterpreter = (language: InterpretedLanguage): Refusal =>
  new Refusal(501, 'NOT_SUPPORTED', `language: expected an interpreter of ${language} in the sandbox, got none of ${INTERPRETERS[language].programs.join(', ')}; use an image that has one`);
