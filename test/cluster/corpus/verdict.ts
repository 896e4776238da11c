import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { formatProblem } from '../../../src/schema/errors';
import type { Resource } from '../../../src/schema/resource';
import { parse, type Parsed, parseStrict } from '../../../src/schema/validation';
import type { ApiClient } from '../../support/api-client';

const NAMESPACE = 'default';

/** A kind of ours. */
export type AnyResource = Resource<z.ZodObject, z.ZodObject>;
/** Which part of an object is judged: what users write, or what the operator writes. */
export type Part = 'spec' | 'status';

/** One spec or status; undefined leaves the field out. */
export interface Candidate {
  readonly resource: AnyResource;
  readonly part: Part;
  readonly value: unknown;
}

/** Whether a value is accepted, and what becomes of it: defaults filled in, and nulls that mean nothing left out. */
export type Verdict = { readonly accepted: true; readonly value: unknown } | { readonly accepted: false; readonly why: string };

/** The verdict of the schema, of which everything of ours is made: constructs, operator and CRD. Unknown fields are refused, or dropped first. */
export function verdictOfSchema({ resource, part, value }: Candidate, unknownFields: 'refused' | 'dropped' = 'refused'): Verdict {
  const object = z.object({ [part]: part === 'spec' ? resource.spec : resource.status.optional() });
  const judge = unknownFields === 'refused' ? parseStrict : parse;
  return toVerdict(judge(object, JSON.parse(JSON.stringify({ [part]: value }))), part);
}

function toVerdict(parsed: Parsed<Readonly<Record<string, unknown>>>, part: Part): Verdict {
  if (parsed.ok) return { accepted: true, value: parsed.value[part] };
  return { accepted: false, why: parsed.problems.map(formatProblem).join('; ') };
}

/** An API server that holds one object of each kind, named `stored`. */
export class ApiJudge {
  private readonly stored = new Map<string, object>();

  constructor(private readonly client: ApiClient) {}

  /** Makes the object that updates are tried on. */
  async store(resource: AnyResource, spec: unknown): Promise<void> {
    const { status, body } = await this.client.request<object>('POST', this.path(resource), this.objectOf(resource, { name: 'stored' }, { spec }));
    if (status !== 201) throw new Error(`${resource.kind} 'stored': expected status 201, got ${status}: ${JSON.stringify(body)}`);
    this.stored.set(resource.kind, body);
  }

  /** Verdict on a new object, or on a status of the stored one; nothing is kept. */
  async judge({ resource, part, value }: Candidate, fieldValidation = 'Strict'): Promise<Verdict> {
    return part === 'spec' ? this.create(resource, { name: 'new' }, value, fieldValidation) : this.update({ resource, part, value }, fieldValidation);
  }

  /** Verdict on a new object of this name. */
  async create(resource: AnyResource, metadata: object, spec: unknown, fieldValidation = 'Strict'): Promise<Verdict> {
    return this.send('POST', `${this.path(resource)}?${query(fieldValidation)}`, this.objectOf(resource, metadata, { spec }), 'spec');
  }

  /** Verdict on the stored object with another spec or status. */
  async update({ resource, part, value }: Candidate, fieldValidation = 'Strict'): Promise<Verdict> {
    const path = `${this.path(resource)}/stored${part === 'status' ? '/status' : ''}?${query(fieldValidation)}`;
    return this.send('PUT', path, { ...this.stored.get(resource.kind), [part]: value }, part);
  }

  /** Verdict on the stored object with this number of replicas, written as a Scale. */
  async scale(resource: AnyResource, replicas: unknown): Promise<Verdict> {
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'stored', namespace: NAMESPACE }, spec: { replicas } };
    return this.send('PUT', `${this.path(resource)}/stored/scale?${query('Strict')}`, scale, 'spec');
  }

  private async send(method: string, path: string, object: unknown, part: Part): Promise<Verdict> {
    const { status, body } = await this.client.request<Readonly<Record<string, unknown>>>(method, path, object);
    if (status < 300) return { accepted: true, value: body[part] };
    if (status === 400 || status === 422) return { accepted: false, why: String(body['message']) };
    throw new Error(`${method} ${path}: expected a verdict, got status ${status}: ${JSON.stringify(body)}`);
  }

  private path({ plural, apiVersion }: AnyResource): string {
    return `/apis/${apiVersion}/namespaces/${NAMESPACE}/${plural}`;
  }

  private objectOf({ apiVersion, kind }: AnyResource, metadata: object, parts: object): object {
    return { apiVersion, kind, metadata, ...parts };
  }
}

function query(fieldValidation: string): string {
  return `dryRun=All&fieldValidation=${fieldValidation}`;
}

/** Whether two judges say the same, and leave the same of what they accept. */
export function agree(a: Verdict, b: Verdict): boolean {
  return a.accepted && b.accepted ? isDeepStrictEqual(a.value, b.value) : a.accepted === b.accepted;
}
