import type { ApiClient } from './api-client';

/** @throws Error unless the node is Ready and takes pods */
export async function expectNodeReady(client: ApiClient, name: string): Promise<void> {
  type Node = { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }; readonly spec?: { readonly taints?: readonly unknown[] } };
  const { body } = await client.request<Node>('GET', `/api/v1/nodes/${name}`);
  const ready = body.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  // The taint of a new node goes a moment after it is Ready, and no pod is scheduled before.
  if (!ready || body.spec?.taints !== undefined) throw new Error(`node '${name}': expected it Ready and without taints, got ${JSON.stringify(body)}`);
}
