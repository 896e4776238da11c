import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ServerConfig } from '../../src/schema/server-config';

/** A port of a sandbox. */
export interface SandboxPort {
  readonly id: string;
  readonly port: number;
}

/** Hex digits of a signature: 128 bits (L9). */
const DIGITS = 32;

/** Signs routes that end, and judges them. */
export class RouteSigner {
  private readonly keys: ReadonlyMap<string, Buffer>;

  constructor(private readonly secureAccess: NonNullable<ServerConfig['ingress']['secure_access']>) {
    this.keys = new Map(secureAccess.keys.map(({ key_id: id, key }) => [id, Buffer.from(key, 'base64')]));
  }

  /**
   * The end and the signature of a route, as they stand in it.
   *
   * @param expires seconds since 1970
   */
  sign(route: SandboxPort, expires: bigint): { readonly expiry: string; readonly signature: string } {
    const expiry = expires.toString(36);
    const { active_key: id } = this.secureAccess;
    return { expiry, signature: `${this.digest(id, route, expiry)}${id}` };
  }

  /** Whether a route is signed by one of the keys, and has not ended. */
  isGood(route: SandboxPort, expiry: string, signature: string, now: Date): boolean {
    const id = signature.slice(-1);
    if (!this.keys.has(id) || !/^[0-9a-z]{1,13}$/.test(expiry)) return false;
    const wanted = Buffer.from(this.digest(id, route, expiry));
    const given = Buffer.from(signature.slice(0, -1));
    return given.length === wanted.length && timingSafeEqual(given, wanted) && parseInt(expiry, 36) * 1000 > now.getTime();
  }

  private digest(keyId: string, { id, port }: SandboxPort, expiry: string): string {
    const text = ['v2', 'hmac-sha256', id, String(port), expiry].join('\n');
    return createHmac('sha256', this.keys.get(keyId) ?? '').update(text).digest('hex').slice(0, DIGITS);
  }
}
