import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { showKind } from '../../src/schema/errors';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { isRecord } from '../../src/schema/validation';

/**
 * Reads the template that sandboxes without a pool are made from: a pod template, or a BatchSandbox that has one. Its container `sandbox`
 * is completed by each request; its other containers stay beside it.
 *
 * @throws Error that names the file, when it cannot be read or holds something else
 */
export async function readBaseTemplate(path: string): Promise<PodTemplateSpec> {
  const refuse = (got: string, cause?: unknown) => new Error(`kubernetes.batchsandbox_template_file: '${path}': expected a pod template in YAML, got ${got}`, { cause });
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw refuse('no file that can be read', error);
  });
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch (error) {
    throw refuse('another text', error);
  }
  const outer = isRecord(document) ? document : {};
  const spec = isRecord(outer.spec) ? outer.spec : {};
  const template: unknown = isRecord(spec.template) ? spec.template : (outer.template ?? document);
  if (!isRecord(template) || !isRecord(template.spec)) throw refuse(isRecord(document) ? 'an object without spec' : showKind(document));
  for (const list of ['containers', 'volumes']) {
    const items = template.spec[list];
    if (items !== undefined && !(Array.isArray(items) && items.every(isRecord))) throw refuse(`spec.${list} that is no list of objects`);
  }
  return template;
}
