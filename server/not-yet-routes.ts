import { z } from 'zod';
import { sandbox } from '../src/schema/lifecycle-reply';
import { LifecycleError } from './lifecycle-error';
import type { SandboxStore } from './sandboxes/sandbox-store';
import { route, type Route } from './web/route';

const anything = z.record(z.string(), z.unknown());

/** Routes of what the runtime has not: they answer the code that clients know for it, and nothing changes. */
export function notYetRoutes({ store }: { readonly store: SandboxStore }): readonly Route[] {
  const pausing = (['pause', 'resume'] as const).map((verb) =>
    route<undefined>({
      method: 'POST',
      path: `/sandboxes/{id}/${verb}`,
      operationId: `${verb}Sandbox`,
      summary: 'Not offered yet: answers 400.',
      tag: 'sandboxes',
      success: { status: 202, description: 'Not yet.', schema: sandbox },
      errors: ['KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
      handle: async ({ params, signal }) => {
        await store.get(params.id ?? '', signal);
        throw new LifecycleError('KUBERNETES::INVALID_STATE', `this runtime cannot ${verb} sandboxes yet`, { status: 400 });
      },
    }),
  );
  const snapshot = (method: 'GET' | 'POST' | 'DELETE', path: string, operationId: string) =>
    route<unknown>({
      method,
      path,
      operationId,
      summary: 'Not offered yet: answers 501.',
      tag: 'snapshots',
      ...(method === 'POST' && { body: anything, bodyOptional: true }),
      success: { status: method === 'POST' ? 202 : method === 'DELETE' ? 204 : 200, description: 'Not yet.' },
      errors: ['SNAPSHOT::NOT_IMPLEMENTED'],
      handle: () => {
        throw new LifecycleError('SNAPSHOT::NOT_IMPLEMENTED');
      },
    });
  return [
    ...pausing,
    snapshot('POST', '/sandboxes/{id}/snapshots', 'createSnapshot'),
    snapshot('GET', '/snapshots', 'listSnapshots'),
    snapshot('GET', '/snapshots/{id}', 'getSnapshot'),
    snapshot('DELETE', '/snapshots/{id}', 'deleteSnapshot'),
  ];
}
