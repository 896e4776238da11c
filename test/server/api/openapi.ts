import { z } from 'zod';
import { SERVER_ACCESS, SERVER_CLUSTER_ACCESS } from '../../../src/schema/access';
import { mountsOf } from '../../../server/web/route';
import { pooled, type ServerUnderTest } from './server-under-test';

/** The OpenAPI document; the last suite, since it looks at what the others have asked. */
export function openApiSuite(server: ServerUnderTest): void {
  describe('the OpenAPI document', () => {
    interface Document {
      readonly openapi: string;
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string; readonly responses: object; readonly parameters: readonly { readonly name: string; readonly in: string }[] }>>>>;
      readonly components: { readonly schemas: Readonly<Record<string, object>> };
    }

    test('is whole: every reference leads somewhere, every schema is one, and every operation has a name of its own', async () => {
      const { body } = await server.send<Document>('GET', '/openapi.json');
      expect(body.openapi).toBe('3.1.0');
      const refs = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
      expect(refs.length).toBeGreaterThan(10);
      expect(refs.filter((name) => body.components.schemas[name ?? ''] === undefined)).toEqual([]);
      const $defs = JSON.parse(JSON.stringify(body.components.schemas).replaceAll('#/components/schemas/', '#/$defs/')) as Record<string, Record<string, never>>;
      const schemaOf = (name: string) => z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs });
      for (const name of Object.keys($defs)) expect(() => schemaOf(name)).not.toThrow();
      const operations = Object.entries(body.paths).flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, ...operation })));
      expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
      const inPath = ({ path, parameters }: (typeof operations)[number]) => [[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)];
      expect(operations.map(inPath).filter(([wanted, got]) => JSON.stringify(wanted) !== JSON.stringify(got))).toEqual([]);
      // What the SDK sends is what the document says.
      const sent = pooled({ env: {}, metadata: {}, secureAccess: false });
      expect([sent, { ...sent, timeout: 1 }].map((request) => schemaOf('CreateSandboxRequest').safeParse(request).success)).toEqual([true, false]);
    });

    test('names the routes that there are, and the tests before have asked each', async () => {
      const { body } = await server.send<Document>('GET', '/openapi.json');
      const documented = Object.entries(body.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
      expect(documented.sort()).toEqual(server.world.server.routes.flatMap((route) => mountsOf(route).map((mount) => `${route.method} ${mount}`)).sort());
      const isAsked = ({ method, path }: (typeof server.world.server.routes)[number]) => {
        const pattern = new RegExp(`^${method} (/v1)?${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
        return [...server.asked].some((request) => pattern.test(request));
      };
      expect(server.world.server.routes.filter((route) => !isAsked(route)).map(({ operationId }) => operationId)).toEqual([]);
    });
  });

  test('the rights of the server are exactly those that the tests before have used (L48)', () => {
    const granted = [...SERVER_ACCESS, ...SERVER_CLUSTER_ACCESS].flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)));
    expect([...server.world.rights].sort()).toEqual([...new Set(granted)].sort());
  });
}
