import { type FieldProblem, problemText } from './field-problem';
import { type JsonObject } from './json';

/** Group and plural of a resource, as error texts name it. */
export interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

/** Details of a Status; clients read `causes` and `retryAfterSeconds`. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/**
 * A refusal in Kubernetes' own form: HTTP code, machine-readable reason, sentence and details.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    /** Empty for what a real API server lets through from its storage as it is. */
    readonly reason: string,
    message: string,
    readonly details?: StatusDetails,
  ) {
    super(message);
  }

  /** The Status object that stands in the response body or in an ERROR event of a watch. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** Answer in a form that what is answered can not take. */
export function notAcceptable(message: string): ApiError {
  return new ApiError(406, 'NotAcceptable', message);
}

export function notFound(resource: GroupResource, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

/** Answer to a path that no resource serves. */
export function unknownPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: GroupResource, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, detailsOf(resource, name));
}

export function conflict(resource: GroupResource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, detailsOf(resource, name));
}

export function forbidden(resource: GroupResource, name: string, why: string, cause?: { reason: string; message: string; field: string }): ApiError {
  const details = { ...detailsOf(resource, name), ...(cause === undefined ? {} : { causes: [cause] }) };
  return new ApiError(403, 'Forbidden', `${qualified(resource)} "${name}" is forbidden: ${why}`, details);
}

/** All problems of one object in one answer. */
export function invalid(kind: { readonly group: string; readonly kind: string }, name: string, problems: readonly FieldProblem[]): ApiError {
  const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = problems.map(problemText);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${list}`, {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes: problems.map(({ reason, body, field }) => ({ reason, message: body, field })),
  });
}

/** What is wrong with the options of a request, such as those of a query; `kind` is `PatchOptions` or the like. */
export function invalidOptions(kind: string, problems: readonly FieldProblem[]): ApiError {
  return invalid({ group: 'meta.k8s.io', kind }, '', problems);
}

/** A version that is no longer in memory: the client lists anew. */
export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError(415, 'UnsupportedMediaType', message);
}

/** A resource version from the future, as after a restart of the server. */
export function versionTooLarge(wanted: number, current: number): ApiError {
  return new ApiError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

function qualified({ group, plural }: GroupResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf({ group, plural }: GroupResource, name: string): StatusDetails {
  return { name, ...(group === '' ? {} : { group }), kind: plural };
}
