import type { Target } from './target';
import { handMadeTemplate } from './hand-made-pods';
import { Space } from './space';

const NAMESPACE_MADE = '2026-01-01T00:00:10Z';
const OBJECT_MADE = '2026-01-01T00:00:20Z';
const TOLD = { type: 'Normal', reason: 'Told', message: 'told of it', count: 1, involvedObject: { name: 'x' } };
const AT_ONCE = { lostAfterMs: 0, withinMs: 0 };

/** A namespace with one event of an object, which may have gone; the operator took over then, or nobody else uses it. */
function spaceWith({ isGone = false, tookOver }: { readonly isGone?: boolean; readonly tookOver?: string }): Promise<Space> {
  const answer = (method: string, path: string): { readonly status: number; readonly body: unknown } => {
    if (method === 'POST') return { status: 201, body: { metadata: { creationTimestamp: NAMESPACE_MADE } } };
    if (path.endsWith('/events')) return { status: 200, body: { items: [TOLD, { ...TOLD, reason: 'Asked', involvedObject: { name: 'y' } }] } };
    return path.endsWith('/pools/x') && !isGone ? { status: 200, body: { metadata: { creationTimestamp: OBJECT_MADE } } } : { status: 404, body: {} };
  };
  const request: Target['request'] = (method, path) => Promise.resolve(answer(method, path) as never);
  return Space.create({
    request,
    kubectl: () => Promise.reject(new Error('kubectl: expected no use of it')),
    podTemplate: handMadeTemplate,
    ...(tookOver !== undefined && { tookOverAt: () => Promise.resolve(Date.parse(tookOver)) }),
  });
}

describe('an event that is expected', () => {
  test('is there, whoever took over', async () => {
    const space = await spaceWith({ tookOver: '2026-01-01T00:00:30Z' });
    expect(await space.expectEvent('x', 'Told', { type: 'Normal', message: expect.stringContaining('of it') as string }, AT_ONCE)).toBe(true);
  });

  test.each([
    ['its object was made', { tookOver: '2026-01-01T00:00:21Z' }],
    ['the namespace of its object was made, which has gone', { isGone: true, tookOver: '2026-01-01T00:00:11Z' }],
  ])('may be missing when another operator has taken over since %s', async (_title, given) => {
    expect(await (await spaceWith(given)).expectEvent('x', 'Asked', {}, AT_ONCE)).toBe(false);
  });

  test.each([
    ['nobody else ends the operator', {}],
    ['another operator took over before its object was made', { tookOver: '2026-01-01T00:00:19Z' }],
    ['another operator took over before the namespace was made', { isGone: true, tookOver: '2026-01-01T00:00:09Z' }],
  ])('is missed with those that there are when %s', async (_title, given) => {
    await expect((await spaceWith(given)).expectEvent('x', 'Asked', {}, AT_ONCE)).rejects.toThrow(/"reason": "Asked"[^]*"message": "told of it"/);
  });

  test('is missed when it says something else', async () => {
    await expect((await spaceWith({})).expectEvent('x', 'Told', { type: 'Warning' }, AT_ONCE)).rejects.toThrow('"type": "Normal"');
  });

  test('is missed as long as it may still come', async () => {
    const space = await spaceWith({ tookOver: '2026-01-01T00:00:30Z' });
    await expect(space.expectEvent('x', 'Asked', {}, { lostAfterMs: Infinity, withinMs: 0 })).rejects.toThrow('"reason": "Told"');
  });
});
