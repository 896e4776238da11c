import * as k8s from '@kubernetes/client-node';
import { POD_FIELDS, unknownPodFields } from '../../src/pod-fields';

/** The table again, from the types of client-node. */
function fieldsOfClientNode(): Record<string, string> {
  const types: Record<string, string> = {};
  const visit = (type: string): string | undefined => {
    const name = type.replace(/^(?:Array|Set)<(.*)>$/, '$1');
    const model: { getAttributeTypeMap?(): readonly { readonly baseName: string; readonly type: string }[] } | undefined = Reflect.get(k8s, name);
    if (model?.getAttributeTypeMap === undefined) return undefined;
    const short = name.replace(/^(?:Core)?V1/, '');
    if (types[short] === undefined) {
      types[short] = ''; // before its fields: types hold each other
      types[short] = model.getAttributeTypeMap().map((field) => [field.baseName, visit(field.type)].filter((part) => part !== undefined).join(':')).join(' ');
    }
    return short;
  };
  visit('V1PodTemplateSpec');
  return types;
}

test('every field of a pod template is known', () => {
  expect(POD_FIELDS).toEqual(fieldsOfClientNode());
});

test.each<[string, object, object[]]>([
  ['nothing in a template that is right', { metadata: { labels: { any: 'x' } }, spec: { containers: [{ name: 'a', env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'x' } } }] }] } }, []],
  ['a field with the name that was meant', { spec: { containers: [{ imagePulPolicy: 'Always' }] } }, [{ path: 'template.spec.containers[0]', name: 'imagePulPolicy', meant: 'imagePullPolicy' }]],
  ['a field like no other', { spec: { ofTomorrow: 1 } }, [{ path: 'template.spec', name: 'ofTomorrow', meant: undefined }]],
  ['a field at the wrong level', { spec: { env: [] }, labels: {} }, [{ path: 'template.spec', name: 'env', meant: undefined }, { path: 'template', name: 'labels', meant: undefined }]],
  ['no key of maps that are the user\'s', { spec: { nodeSelector: { whatever: 'x' }, containers: [{ resources: { limits: { 'example.com/gpu': 1 } } }] } }, []],
  ['no directive of a patch', { spec: { $setElementOrder: [], containers: [{ name: 'a', $patch: 'delete' }] } }, []],
])('finds %s', (_title, template, want) => {
  expect(unknownPodFields(template, 'template')).toEqual(want);
});
