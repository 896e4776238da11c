import { createRequire } from 'node:module';
import { type Problems } from './problems';
import { imageName, type ImageProgram } from './schema/image-names';

// The package's own name leads to its package.json from the sources and from the compiled files alike.
const { version } = createRequire(__filename)('cdk8s-sandboxes/package.json') as { readonly version: string };

/** Default image of a program of this package, in the version of this package. */
export function defaultImage(program: ImageProgram): string {
  return imageName(program, version);
}

const PULL_POLICIES: readonly unknown[] = ['Always', 'IfNotPresent', 'Never'];

/** Checks `image` and `imagePullPolicy` of the options at `path`. */
export function checkImage(problems: Problems, path: string, { image, imagePullPolicy }: Readonly<Record<string, unknown>>): void {
  if (image !== undefined && (typeof image !== 'string' || image === '')) {
    problems.add(`${path}.image`, 'text', image);
  }
  if (imagePullPolicy !== undefined && !PULL_POLICIES.includes(imagePullPolicy)) {
    problems.add(`${path}.imagePullPolicy`, `one of ${PULL_POLICIES.join(', ')}`, imagePullPolicy);
  }
}
