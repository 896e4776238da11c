import { createRequire } from 'node:module';

// The package's own name leads to its package.json from the sources and from the compiled files alike.
const { version } = createRequire(__filename)('cdk8s-sandboxes/package.json') as { readonly version: string };

/** Default image of a program of this package, in the version of this package. */
export function defaultImage(program: 'sandbox-operator' | 'sandbox-executor'): string {
  return `ghcr.io/cdk8s-sandboxes/${program}:${version}`;
}
