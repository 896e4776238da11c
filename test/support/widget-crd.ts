/** A CRD for tests of the API server, with one of everything that a schema can say; group and kind belong to no product. */
export const WIDGET_CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.example.com' },
  spec: {
    group: 'test.example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
        additionalPrinterColumns: [
          { name: 'Wanted', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Colour', type: 'string', jsonPath: '.spec.colour', priority: 1 },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                'x-kubernetes-validations': [
                  { rule: '!has(self.min) || !has(self.max) || self.min <= self.max', message: 'min must not be above max' },
                  { rule: 'self.colour == oldSelf.colour', message: 'colour is fixed' },
                ],
                properties: {
                  size: { type: 'string', enum: ['small', 'large'], description: 'How big it is.' },
                  replicas: { type: 'integer', format: 'int32', minimum: 0, maximum: 100, default: 1 },
                  colour: { type: 'string', maxLength: 8, pattern: '^[a-z]*$', default: 'red' },
                  min: { type: 'integer' },
                  max: { type: 'integer' },
                  pace: { 'x-kubernetes-int-or-string': true },
                  until: { type: 'string', format: 'date-time' },
                  note: { type: 'string', nullable: true },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  tags: { type: 'array', maxItems: 3, items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
                  nested: { type: 'object', properties: { level: { type: 'integer', default: 5 } } },
                },
              },
              status: {
                type: 'object',
                properties: {
                  replicas: { type: 'integer' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: { type: 'object', required: ['type', 'status'], properties: { type: { type: 'string' }, status: { type: 'string' } } },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

/** The same CRD for another kind, which has this name in lower case. */
export function renamedCrd(name: string, shortName: string): typeof WIDGET_CRD {
  const kind = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return JSON.parse(JSON.stringify(WIDGET_CRD).replaceAll('widget', name).replaceAll('Widget', kind).replaceAll('"wd"', JSON.stringify(shortName))) as typeof WIDGET_CRD;
}

/** Path of the widgets in a namespace. */
export const widgetsIn = (namespace: string): string => `/apis/test.example.com/v1/namespaces/${namespace}/widgets`;

/** A widget with this spec; `size` need not be given. */
export const widget = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: 'test.example.com/v1',
  kind: 'Widget',
  metadata: { name, ...metadata },
  spec: { size: 'small', ...spec },
});
