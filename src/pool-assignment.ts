import { isQualifiedName } from './kube-syntax';
import { type Problems } from './problems';
import { type AssignProfileInput, DEFAULT_PROFILE_NAME } from './schema/assign-profile';
import { ASSIGN_PROFILES_KEY } from './schema/names';

/** What a pool has to fulfil to be chosen for a fleet of SandboxPool.any(). */
export enum PoolPredicate {
  /** One of its images is one of those of the fleet's template. */
  IMAGE = 'image',
  /** Its containers request as much as those of the fleet's template, of every resource. */
  RESOURCE = 'resource',
  /** Its labels and the node selector of its template fulfil the node selector and node affinity of the fleet's template. */
  NODE_SELECTOR = 'nodeselector',
}

/** Which of the pools that can be chosen is. */
export enum PoolBalance {
  /** The one with the smallest part of its pods given out, so that load is spread. */
  LEAST_ALLOCATED = 'LeastAllocated',
  /** The one with the largest part of its pods given out, so that other pools can shrink. */
  MOST_ALLOCATED = 'MostAllocated',
}

/** How the operator chooses the pool of fleets that take any. */
export interface PoolAssignmentOptions {
  /**
   * What a pool has to fulfil, all of it.
   *
   * @default - all three of PoolPredicate
   */
  readonly predicates?: PoolPredicate[];

  /**
   * Keys of labels that fleet and pool must both have, with the same value.
   *
   * @default - none
   * @throws SYNTH_INVALID when one is no key of a label
   */
  readonly labelKeys?: string[];

  /**
   * Which of the pools that fulfil all that is chosen; of equals, the one whose name comes first.
   *
   * @default PoolBalance.LEAST_ALLOCATED
   */
  readonly balance?: PoolBalance;
}

/** The only score has all the weight. */
const WEIGHT = 100;

/** Checks the `poolAssignment` prop of a SandboxRuntime. */
export function checkPoolAssignment(problems: Problems, options: unknown): void {
  if (!problems.checkKeys('poolAssignment', options, ['predicates', 'labelKeys', 'balance'])) {
    return;
  }
  const { predicates, labelKeys, balance } = options;
  checkItems(problems, 'poolAssignment.predicates', predicates, isOneOf(PoolPredicate), sentenceOf(PoolPredicate));
  checkItems(problems, 'poolAssignment.labelKeys', labelKeys, (key) => typeof key === 'string' && isQualifiedName(key), 'the key of a label');
  if (balance !== undefined && !isOneOf(PoolBalance)(balance)) {
    problems.add('poolAssignment.balance', sentenceOf(PoolBalance), balance);
  }
}

/** The `data` of the ConfigMap that says it to the operator. */
export function renderPoolAssignment({ predicates = Object.values(PoolPredicate), labelKeys = [], balance = PoolBalance.LEAST_ALLOCATED }: PoolAssignmentOptions): Record<string, string> {
  const hasKeys = labelKeys.length > 0;
  const profile: AssignProfileInput = {
    name: DEFAULT_PROFILE_NAME,
    plugins: { predicate: [...predicates, ...(hasKeys ? ['labelselector'] : [])], score: [{ name: 'resbalance', weight: WEIGHT }] },
    pluginConf: [...(hasKeys ? [{ name: 'labelselector', args: { keys: labelKeys.join(',') } }] : []), { name: 'resbalance', args: { strategy: balance } }],
  };
  return { [ASSIGN_PROFILES_KEY]: `${JSON.stringify([profile], null, 2)}\n` };
}

function checkItems(problems: Problems, path: string, items: unknown, isItem: (item: unknown) => boolean, sentence: string): void {
  if (items !== undefined && !Array.isArray(items)) {
    problems.add(path, 'a list', items);
    return;
  }
  for (const [index, item] of (items ?? []).entries()) {
    if (!isItem(item)) {
      problems.add(`${path}[${index}]`, sentence, item);
    }
  }
}

function isOneOf(values: Readonly<Record<string, string>>): (value: unknown) => boolean {
  return (value) => Object.values(values).some((one) => one === value);
}

function sentenceOf(values: Readonly<Record<string, string>>): string {
  return `one of ${Object.values(values).map((value) => `'${value}'`).join(', ')}`;
}
