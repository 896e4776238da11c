import { Size, SizeRoundingBehavior } from 'cdk8s';
import { type ContainerResources, type Cpu } from 'cdk8s-plus-28';
import { type Problems } from './problems';
import { quantity } from './schema/pod-template';
import { isRecord } from './schema/validation';

/** Requests and limits as Kubernetes writes them. */
export interface RenderedResources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

const NAMES: Readonly<Record<keyof ContainerResources, string>> = {
  cpu: 'cpu',
  memory: 'memory',
  ephemeralStorage: 'ephemeral-storage',
};

/** The `resources` of a container; `defaults` hold for each resource (CPU, memory) that is not given at all. */
export function renderResources(
  problems: Problems,
  path: string,
  resources: unknown,
  defaults: RenderedResources,
): RenderedResources {
  if (resources === undefined || !problems.checkKeys(path, resources, Object.keys(NAMES))) {
    return defaults;
  }
  const requests = { ...defaults.requests };
  const limits = { ...defaults.limits };
  for (const [field, name] of Object.entries(NAMES)) {
    const bounds = resources[field];
    if (bounds === undefined || !problems.checkKeys(`${path}.${field}`, bounds, ['request', 'limit'])) {
      continue;
    }
    const toAmount = field === 'cpu' ? cpuAmount : sizeAmount;
    const request = toAmount(problems, `${path}.${field}.request`, bounds.request);
    const limit = toAmount(problems, `${path}.${field}.limit`, bounds.limit);
    if (request !== undefined && limit !== undefined && toNumber(bounds.request) > toNumber(bounds.limit)) {
      problems.add(`${path}.${field}.request`, `at most the limit (${limit})`, request);
    }
    put(requests, name, request);
    put(limits, name, limit);
  }
  return { requests, limits };
}

function put(amounts: Record<string, string>, name: string, amount: string | undefined): void {
  delete amounts[name];
  if (amount !== undefined) {
    amounts[name] = amount;
  }
}

function cpuAmount(problems: Problems, path: string, value: unknown): string | undefined {
  if (isRecord(value) && typeof value.amount === 'string') {
    return checkAmount(problems, path, value.amount);
  }
  if (value !== undefined) {
    problems.add(path, 'a Cpu', value, 'write Cpu.millis(500)');
  }
  return undefined;
}

function sizeAmount(problems: Problems, path: string, value: unknown): string | undefined {
  if (value instanceof Size) {
    return checkAmount(problems, path, value.asString());
  }
  if (value !== undefined) {
    problems.add(path, 'a Size', value, 'write Size.mebibytes(256)');
  }
  return undefined;
}

/** The amount; undefined, with a problem, when it is negative or no number. */
function checkAmount(problems: Problems, path: string, amount: string): string | undefined {
  if (quantity().safeParse(amount).success) {
    return amount;
  }
  problems.add(path, 'an amount of 0 or more', amount);
  return undefined;
}

/** A Size in KiB or a Cpu in cores, to be compared with another. */
function toNumber(value: unknown): number {
  if (value instanceof Size) {
    return value.toKibibytes({ rounding: SizeRoundingBehavior.NONE });
  }
  const { amount } = value as Cpu;
  return amount.endsWith('m') ? Number.parseFloat(amount) / 1000 : Number.parseFloat(amount);
}
