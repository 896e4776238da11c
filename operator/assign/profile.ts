import {
  assignProfile,
  type BalanceStrategy,
  DEFAULT_PROFILE_NAME,
  labelSelectorArgs,
  POOL_PREDICATES,
  POOL_SCORES,
  type PoolPredicateName,
  type PoolScoreName,
  resBalanceArgs,
} from '../../src/schema/assign-profile';
import { formatProblem, type Problem, showKind, showValue } from '../../src/schema/errors';
import { isRecord, parse, parseStrict } from '../../src/schema/validation';

/** What decides which Pool a batch of `poolRef: "*"` gets. */
export interface AssignProfile {
  /** All of them must hold; they are tried in this order. */
  readonly predicates: readonly PoolPredicateName[];
  readonly scores: readonly { readonly name: PoolScoreName; readonly weight: number }[];
  /** Keys of `labelselector`. */
  readonly labelKeys: readonly string[];
  /** Strategy of `resbalance`. */
  readonly strategy: BalanceStrategy;
}

/** In force while no other is given (R74). */
export const BUILT_IN_PROFILE: AssignProfile = {
  predicates: ['image', 'resource', 'nodeselector'],
  scores: [{ name: 'resbalance', weight: 100 }],
  labelKeys: [],
  strategy: 'LeastAllocated',
};

/** What was found in the text of profiles. */
export interface ProfileReading {
  /** The profile to use. */
  readonly profile: AssignProfile;
  /** Why that is the built-in one although another was to be used, each with its path; empty when all is well. */
  readonly problems: readonly string[];
  /** What is not known and left out, each with its path: plugins and fields of another version. */
  readonly skipped: readonly string[];
}

/** Reads the profile `default`; without text, or with text that makes none, it is the built-in one (R77). Other profiles are not judged. */
export function readProfile(text: string | undefined): ProfileReading {
  if (text === undefined || text.trim() === '') return builtIn();
  let profiles: unknown;
  try {
    profiles = JSON.parse(text);
  } catch (error) {
    return builtIn({ path: '', expected: 'JSON', got: showValue(text), fix: error instanceof Error ? error.message : undefined });
  }
  if (!Array.isArray(profiles)) return builtIn({ path: '', expected: 'a list of profiles', got: showValue(profiles) });
  const index = profiles.findLastIndex((item: unknown) => isRecord(item) && item.name === DEFAULT_PROFILE_NAME);
  if (index < 0) return builtIn({ path: '', expected: `a profile named '${DEFAULT_PROFILE_NAME}'`, got: showKind(profiles) });
  return readDefault(profiles[index], `[${index}]`);
}

function readDefault(written: unknown, path: string): ProfileReading {
  const at = (problem: Problem): Problem => ({ ...problem, path: `${path}.${problem.path}` });
  const parsed = parse(assignProfile, written);
  if (!parsed.ok) return builtIn(...parsed.problems.map(at));
  const { plugins, pluginConf } = parsed.value;
  const argsOf = (name: string) => {
    const index = pluginConf.findLastIndex((conf) => conf.name === name);
    return { args: pluginConf[index]?.args ?? {}, argsPath: `pluginConf[${index}].args` };
  };
  const labels = argsOf('labelselector');
  const balance = argsOf('resbalance');
  const labelArgs = parse(labelSelectorArgs, labels.args);
  const balanceArgs = parse(resBalanceArgs, balance.args);
  if (!labelArgs.ok || !balanceArgs.ok) {
    const inArgs = (problems: readonly Problem[], argsPath: string) => problems.map((problem) => at({ ...problem, path: `${argsPath}.${problem.path}` }));
    return builtIn(...(labelArgs.ok ? [] : inArgs(labelArgs.problems, labels.argsPath)), ...(balanceArgs.ok ? [] : inArgs(balanceArgs.problems, balance.argsPath)));
  }
  const { keys } = labelArgs.value;
  const strict = parseStrict(assignProfile, written);
  return {
    profile: {
      predicates: plugins.predicate.filter((name) => isOneOf(POOL_PREDICATES, name)),
      scores: plugins.score.flatMap(({ name, weight }) => (isOneOf(POOL_SCORES, name) ? [{ name, weight }] : [])),
      labelKeys: (typeof keys === 'string' ? keys.split(',') : keys).map((key) => key.trim()).filter((key) => key !== ''),
      strategy: balanceArgs.value.strategy,
    },
    problems: [],
    skipped: [
      ...(strict.ok ? [] : strict.problems),
      ...plugins.predicate.flatMap((name, index) => unknownName(POOL_PREDICATES, name, `plugins.predicate[${index}]`)),
      ...plugins.score.flatMap(({ name }, index) => unknownName(POOL_SCORES, name, `plugins.score[${index}].name`)),
    ].map((problem) => formatProblem(at(problem))),
  };
}

function builtIn(...problems: readonly Problem[]): ProfileReading {
  return { profile: BUILT_IN_PROFILE, problems: problems.map((problem) => formatProblem(problem)), skipped: [] };
}

function unknownName(known: readonly string[], name: string, path: string): Problem[] {
  return known.includes(name) ? [] : [{ path, expected: `one of ${known.map((one) => `'${one}'`).join(', ')}`, got: showValue(name) }];
}

function isOneOf<T extends string>(known: readonly T[], name: string): name is T {
  return (known as readonly string[]).includes(name);
}
