import { FRAMING } from '../../src/program/forwarding';
import { ExecdHeader } from '../../src/schema/execd-api';
import { REQUEST_ID } from '../web/request-id';
import { API_KEY } from '../web/app';
import { ACCESS_TOKEN } from './access-token';
import { INGRESS_TO } from './proxy-route';

/** Names and values in turn, as node:http has them raw: repeated ones stay apart, and letters as they were. */
export type RawHeaders = readonly string[];

/** Headers of one connection and not of the message. @see RFC 9110 section 7.6.1 */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
/**
 * What is between the caller and this server alone, or only a proxy may say (L6). The task of a sandbox is what this server knows of it now: a caller
 * may have kept one that has ended since, for which a new pod would wait in vain.
 */
const OURS = [API_KEY, ACCESS_TOKEN, INGRESS_TO, ExecdHeader.taskUid, 'authorization', 'cookie', 'forwarded', 'x-real-ip', 'via', 'host'];
const FORWARDED = /^x-forwarded-/;

/**
 * Headers of a request as they go into a sandbox, but for those of its body.
 *
 * @param own headers by name that this server says, whatever its caller says
 */
export function requestHeaders(raw: RawHeaders, host: string, requestId: string, own: Readonly<Record<string, string>> = {}): string[] {
  const hop = hopByHopOf(raw);
  const left = [...OURS, ...FRAMING, REQUEST_ID, ...Object.keys(own).map((name) => name.toLowerCase())];
  const kept = pairsOf(raw).filter(([name]) => !hop.has(name) && !left.includes(name) && !FORWARDED.test(name));
  return ['Host', host, ...kept.flatMap(([, written, value]) => [written, value]), ...Object.entries(own).flat(), 'X-Request-ID', requestId];
}

/**
 * Headers of an answer as they go to the caller.
 *
 * @param prefix what the caller's path has before that of the sandbox
 */
export function answerHeaders(raw: RawHeaders, prefix: string, requestId: string): string[] {
  const hop = hopByHopOf(raw);
  const kept = pairsOf(raw).filter(([name]) => !hop.has(name) && name !== REQUEST_ID);
  return [...kept.flatMap(([name, written, value]) => [written, name === 'location' ? relocated(value, prefix) : value]), 'X-Request-ID', requestId];
}

/** A redirect to a path of the sandbox stays in the sandbox. */
function relocated(location: string, prefix: string): string {
  return location.startsWith('/') && !location.startsWith('//') ? `${prefix}${location}` : location;
}

/** The fixed ones, and those that `Connection` names. */
function hopByHopOf(raw: RawHeaders): Set<string> {
  const named = pairsOf(raw).flatMap(([name, , value]) => (name === 'connection' ? value.split(',').map((item) => item.trim().toLowerCase()) : []));
  return new Set([...HOP_BY_HOP, ...named]);
}

/** Name in small letters, as written, and value. */
function pairsOf(raw: RawHeaders): [string, string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => {
    const written = raw[2 * index] ?? '';
    return [written.toLowerCase(), written, raw[2 * index + 1] ?? ''];
  });
}
