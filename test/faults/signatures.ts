import { signExecutorToken, readVerifyKeys } from '../../src/program/executor-token';
import { readSigningKeys, type SigningKeys } from '../../src/program/signing-keys';
import { RequestAuthorizer } from '../../executor/auth';
import { UsedTokens } from '../../executor/used-tokens';
import type { SimulatedRequest } from './exchange';
import type { VirtualClock } from './virtual-clock';

/** An Ed25519 key in PKCS #8 is this and its 32 bytes. Those of the simulated world are always the same, since pods show the public half. */
const KEY_HEAD = '302e020100300506032b657004220420';
const KEY_BYTES = '5a'.repeat(32);
/** Where used tokens cannot be written: the executor that lives knows them. */
const NO_DISK = '/proc/no-disk/used-tokens';

/** Signs requests to executors and checks them, by the real code of both: a request to an address that another pod has got is refused. */
export class Signatures {
  private keys: SigningKeys | undefined;
  private verifyKeys: Awaited<ReturnType<typeof readVerifyKeys>> = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly clock: VirtualClock) {}

  /** To be called before anything is signed. */
  async load(): Promise<void> {
    const der = Buffer.from(KEY_HEAD + KEY_BYTES, 'hex').toString('base64');
    this.keys = await readSigningKeys(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`, 'simulated key');
    this.verifyKeys = await readVerifyKeys(this.keys.publicKeys);
  }

  /** What operators sign with. */
  get signing(): SigningKeys {
    if (this.keys === undefined) throw new Error('signatures: expected load() before');
    return this.keys;
  }

  /** Signs in no time, and one after another: signatures of threads would come in any order. */
  readonly sign: typeof signExecutorToken = (...request) => {
    const signed = this.last.then(() => signExecutorToken(...request));
    this.last = signed;
    return this.clock.hold(signed);
  };

  /** A request to the executor of a pod, as an operator sends it. */
  async signed(podUID: string, ip: string, path: string, tasks: readonly object[]): Promise<SimulatedRequest> {
    const request = { method: 'POST', path, body: JSON.stringify(tasks) };
    const token = await this.sign(this.signing.signing[0], podUID, request, this.clock.now());
    return { ...request, origin: `http://${ip}:5758`, headers: { authorization: `Bearer ${token}` } };
  }

  /** The checks of an executor from its start on: whether it answers a request. */
  readonly guard = (podUID: string): ((request: SimulatedRequest) => Promise<boolean>) => {
    const authorizer = new RequestAuthorizer(this.verifyKeys, podUID, this.clock, new UsedTokens(NO_DISK));
    return ({ method, path, headers, body }) => {
      const checked = authorizer.authorize({ method, url: new URL(path, 'http://executor'), headers: { ...headers } }).then((accept) => accept(Buffer.from(body)));
      return this.clock.hold(checked.then(() => true, () => false));
    };
  };
}

/** UID of the pod that a request is signed for; undefined for one without a token. */
export function audienceOf({ headers }: Pick<SimulatedRequest, 'headers'>): string | undefined {
  const claims = /^Bearer [^.]+\.([^.]+)\./.exec(headers.authorization ?? '')?.[1];
  return claims === undefined ? undefined : (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud?: string }).aud;
}
