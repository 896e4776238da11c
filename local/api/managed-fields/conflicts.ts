import { ApiError } from '../api-error';
import type { FieldManager, ManagedFieldsEntry } from './entries';
import { difference, type FieldSet, intersection, isEmpty, membersOf, pathText } from './field-set';

/** Fields that another manager owns and that are about to change. */
export interface Conflict {
  readonly owner: ManagedFieldsEntry;
  readonly fields: FieldSet;
}

/** Where a change meets what others own. */
export function conflictsOf(others: readonly ManagedFieldsEntry[], changed: FieldSet, allowed: FieldSet): Conflict[] {
  return others.map((owner) => ({ owner, fields: difference(intersection(owner.fieldsV1, changed), allowed) })).filter(({ fields }) => !isEmpty(fields));
}

/** The refusal of an apply, in the words that kubectl and others show and read. */
export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const found = conflicts.flatMap(({ owner, fields }) => membersOf(fields).map((steps) => ({ owner: ownerText(owner), field: pathText(steps) })));
  const causes = found.map(({ owner, field }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field }));
  const [first] = found;
  if (first !== undefined && found.length === 1) {
    return new ApiError(409, 'Conflict', `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.field}`, { causes });
  }
  const owners = [...new Set(found.map(({ owner }) => owner))].sort();
  const parts = owners.map((owner) => [`conflicts with ${owner}:`, ...found.filter((conflict) => conflict.owner === owner).map(({ field }) => `- ${field}`)].join('\n'));
  return new ApiError(409, 'Conflict', `Apply failed with ${found.length} conflicts: ${parts.join('\n')}`, { causes });
}

function ownerText({ manager, operation, apiVersion, subresource }: FieldManager): string {
  const name = subresource === undefined ? JSON.stringify(manager) : `${JSON.stringify(manager)} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Apply' ? name : `${name} using ${apiVersion}`;
}
