import { allCrds } from '../../../src/schema/crds';
import { fieldPathsOf } from '../field-paths';
import { FIELD_CASES } from './cases';

test.each(allCrds().map((crd) => ({ crd, kind: crd.spec.names.kind })))('every field of a $kind has cases, and no other', ({ crd, kind }) => {
  const fields = fieldPathsOf(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}, kind).map(({ path }) => path);
  const isField = (field: string) => !field.includes(','); // some are of several fields, or of none
  const withCases = FIELD_CASES.filter(({ resource, field }) => resource.kind === kind && isField(field)).map(({ field }) => `${kind}.${field.replace('[]', '')}`);
  expect(withCases.sort()).toEqual([...fields].sort());
});
