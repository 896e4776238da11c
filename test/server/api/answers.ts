import { KEY } from '../server-in-process';
import type { ServerUnderTest } from './server-under-test';

/** What holds for every answer, whatever was asked. */
export function answerSuite(server: ServerUnderTest): void {
  describe('every answer', () => {
    test.each([
      ['no key', { 'open-sandbox-api-key': '' }, 401, 'MISSING_API_KEY'],
      ['another key', { 'open-sandbox-api-key': `${KEY}x` }, 401, 'INVALID_API_KEY'],
      ['the key', {}, 200, undefined],
    ])('asks for the key: %s (L1)', async (_case, headers, status, code) => {
      const answer = await server.send('GET', '/v1/sandboxes', { headers });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    });

    test('needs no key at exactly the paths of health and version (L4)', async () => {
      const open = await Promise.all(['/health', '/livez', '/readyz', '/version'].map(async (path) => (await server.send('GET', path, { headers: { 'open-sandbox-api-key': '' } })).status));
      const closed = await Promise.all(['/healthy', '/health/x', '/openapi.json', '/v1/health'].map(async (path) => (await server.world.send('GET', path, { headers: { 'open-sandbox-api-key': '' } })).status));
      expect([open, closed]).toEqual([[200, 200, 200, 200], [401, 401, 401, 401]]);
    });

    test('has the id of its request, and a new one for an id that is fit for no log (L40)', async () => {
      const [own, refused] = await Promise.all(['abc-1', 'a b\u00e9'].map((id) => server.send('GET', '/v1/sandboxes', { headers: { 'x-request-id': id, 'open-sandbox-api-key': '' } })));
      expect(own?.headers.get('x-request-id')).toBe('abc-1');
      expect(refused?.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    });

    test.each([
      ['an unknown route', 'GET', '/v2/sandboxes', undefined, 404, 'GENERAL::NOT_FOUND'],
      ['another method', 'PUT', '/v1/sandboxes', undefined, 405, 'GENERAL::METHOD_NOT_ALLOWED'],
      ['no JSON', 'POST', '/v1/sandboxes', '{', 400, 'SANDBOX::INVALID_PARAMETER'],
      ['a list', 'POST', '/v1/sandboxes', '[]', 400, 'SANDBOX::INVALID_PARAMETER'],
      ['no body', 'POST', '/v1/sandboxes', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
      ['a body above 1 MiB', 'POST', '/v1/sandboxes', `{"x":"${'a'.repeat(1_048_576)}"}`, 413, 'GENERAL::BODY_TOO_LARGE'],
      ['a sandbox that is not there', 'GET', '/v1/sandboxes/none', undefined, 404, 'KUBERNETES::SANDBOX_NOT_FOUND'],
      ['an id that is no name', 'DELETE', '/v1/sandboxes/..%2fpods', undefined, 404, 'KUBERNETES::SANDBOX_NOT_FOUND'],
      ['a page that is no number', 'GET', '/v1/sandboxes?page=first', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
      ['a page that is too large', 'GET', '/v1/sandboxes?pageSize=201', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
      ['a filter that is none', 'GET', '/v1/sandboxes?metadata=team', undefined, 400, 'INVALID_METADATA_FORMAT'],
    ])('of an error is JSON with code and message: %s (L37, L38, L41)', async (_case, method, path, body, status, code) => {
      const answer = await server.world.send(method, path, { body });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.body.message).toMatch(/./);
      expect(answer.headers.get('x-request-id')).toMatch(/./);
    });

    test('of a query names every parameter that is wrong', async () => {
      const { body } = await server.world.send('GET', '/v1/sandboxes?page=first&pageSize=0&state=Running');
      expect(body.message).toMatch(/page: expected .*, got 'first'.*pageSize: expected .*, got 0/);
    });
  });
}
