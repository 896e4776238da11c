import { type FieldPath, type FieldProblem, forbiddenField, requiredValue } from '../field-problem';
import { isJsonObject, type JsonObject, objectsOf, toJsonObject } from '../json';
import { isQuantity } from './resource-checks';

/** What a volume of each source can not do without; sources that are not named here are not looked into. */
const REQUIRED: Readonly<Record<string, string>> = {
  configMap: 'name',
  secret: 'secretName',
  hostPath: 'path',
  persistentVolumeClaim: 'claimName',
};

/** Everything wrong with a volume at `path`, beside its name. */
export function checkVolume({ name: _, ...sources }: JsonObject, path: FieldPath): FieldProblem[] {
  const taken = Object.keys(sources).filter((source) => isJsonObject(sources[source]));
  const required = taken.flatMap((source) => {
    const field = REQUIRED[source];
    return field === undefined || (toJsonObject(sources[source])[field] ?? '') !== '' ? [] : [requiredValue([...path, source, field])];
  });
  const { sizeLimit = '0' } = toJsonObject(sources.emptyDir);
  return [
    ...taken.slice(1).map((source) => forbiddenField([...path, source], 'may not specify more than 1 volume type')),
    ...required,
    ...(isQuantity(sizeLimit) && !String(sizeLimit).startsWith('-') ? [] : [forbiddenField([...path, 'emptyDir', 'sizeLimit'], 'SizeLimit field must be a valid resource quantity')]),
    ...objectsOf(toJsonObject(sources.projected).sources).flatMap((source, i) =>
      Object.keys(source).length > 1 ? [forbiddenField([...path, 'projected', 'sources', i], 'may not specify more than 1 volume type per source')] : [],
    ),
  ];
}
