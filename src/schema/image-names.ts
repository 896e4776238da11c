/** Programs that have an image. */
export type ImageProgram = 'sandbox-operator' | 'sandbox-executor' | 'sandbox-server';

/** Image of a program: what the constructs write by default, and what `npm run images` builds. */
export function imageName(program: ImageProgram, version: string): string {
  return `ghcr.io/cdk8s-sandboxes/${program}:${version}`;
}
