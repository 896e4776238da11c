import { MESSAGE_TYPES, type MessageField } from './protobuf-types';

/** A body in Kubernetes' protobuf that has something this server can not read. */
export class ProtobufError extends Error {}

/** Every body begins with this. */
const MAGIC = Buffer.from('k8s\0');

/**
 * An object from Kubernetes' protobuf, which `kubectl create NOUN` and `kubectl auth` send; all else that clients write is JSON.
 *
 * @throws ProtobufError when it is malformed, or holds a kind or a field that the table does not have
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding-idl
 */
export function decodeObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new ProtobufError('protobuf: expected a body that begins with k8s and a zero byte');
  const envelope = readFields(bytes.subarray(MAGIC.length));
  const { apiVersion, kind } = decodeMessage(bytesOf(envelope, 1), 'TypeMeta');
  return { apiVersion, kind, ...decodeMessage(bytesOf(envelope, 2), String(kind)) };
}

/** One field as it stands on the wire. */
interface WireField {
  readonly number: number;
  readonly value: bigint | Buffer;
}

function decodeMessage(bytes: Buffer, type: string): Record<string, unknown> {
  const fields = MESSAGE_TYPES[type];
  if (fields === undefined) throw new ProtobufError(`protobuf: ${type}: not known in this form; send JSON`);
  const result: Record<string, unknown> = {};
  for (const { number, value } of readFields(bytes)) {
    const field = fields.find((candidate) => candidate.number === number);
    if (field === undefined) throw new ProtobufError(`protobuf: ${type}: field ${number}: not known in this form; send JSON`);
    put(result, field, value);
  }
  return result;
}

function put(result: Record<string, unknown>, { name, type, form }: MessageField, value: bigint | Buffer): void {
  if (type === 'ignored') return;
  if (form === 'map') {
    const entry = readFields(toBuffer(value));
    const key = bytesOf(entry, 1).toString();
    result[name] = { ...(result[name] ?? {}), [key]: decodeValue(bytesOf(entry, 2), type) };
    return;
  }
  const decoded = decodeValue(value, type);
  if (form === 'list') result[name] = [...((result[name] as unknown[] | undefined) ?? []), decoded];
  // Go writes fields that were never set as well; an empty one means absent.
  else if (decoded !== '' && !isEmptyObject(decoded)) result[name] = decoded;
}

function decodeValue(value: bigint | Buffer, type: string): unknown {
  if (type === 'int') return Number(BigInt.asIntN(64, toBigInt(value)));
  if (type === 'bool') return toBigInt(value) !== 0n;
  const bytes = toBuffer(value);
  if (type === 'text') return bytes.toString();
  if (type === 'bytes') return bytes.toString('base64');
  const message = decodeMessage(bytes, type);
  if (type === 'Quantity') return message.string;
  return type === 'IntOrString' ? (message.type === 1 ? message.strVal : (message.intVal ?? 0)) : message;
}

/** Splits a message into its fields: each a tag, and then a number or a length and bytes. */
function readFields(bytes: Buffer): WireField[] {
  const fields: WireField[] = [];
  let offset = 0;
  const readVarint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[offset];
      if (byte === undefined || shift > 63n) throw new ProtobufError('protobuf: the body ends in the middle of a number');
      offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (offset < bytes.length) {
    const tag = Number(readVarint());
    const number = tag >> 3;
    if ((tag & 7) === 0) fields.push({ number, value: readVarint() });
    else if ((tag & 7) === 2) {
      const length = Number(readVarint());
      if (offset + length > bytes.length) throw new ProtobufError('protobuf: the body ends in the middle of a field');
      fields.push({ number, value: bytes.subarray(offset, offset + length) });
      offset += length;
    } else throw new ProtobufError(`protobuf: wire type ${tag & 7} is not used by Kubernetes`);
  }
  return fields;
}

function bytesOf(fields: readonly WireField[], number: number): Buffer {
  const field = fields.find((candidate) => candidate.number === number);
  return field === undefined ? Buffer.alloc(0) : toBuffer(field.value);
}

function toBuffer(value: bigint | Buffer): Buffer {
  if (typeof value === 'bigint') throw new ProtobufError('protobuf: expected bytes, got a number');
  return value;
}

function toBigInt(value: bigint | Buffer): bigint {
  if (typeof value !== 'bigint') throw new ProtobufError('protobuf: expected a number, got bytes');
  return value;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
