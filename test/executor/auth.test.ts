import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestAuthorizer } from '../../executor/auth';
import { UsedTokens } from '../../executor/used-tokens';
import { readSigningKey, readVerifyKeys, requestDigest, signExecutorToken } from '../../src/program/executor-token';
import { ManualClock } from '../support/manual-clock';

const BODY = '[]';
const request = { method: 'POST', path: '/setTasks?x=1', body: BODY };
const pair = () => generateKeyPairSync('ed25519');
const [ours, next, foreign] = [pair(), pair(), pair()];
const publicPem = (...keys: { readonly publicKey: KeyObject }[]) => keys.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' })).join('');
const signingKey = (key: { readonly privateKey: KeyObject }) => readSigningKey(String(key.privateKey.export({ type: 'pkcs8', format: 'pem' })));

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'executor-test-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));
const file = () => join(home, 'used-tokens');

async function start(pem = publicPem(ours, next), clock = new ManualClock()) {
  const authorizer = new RequestAuthorizer(await readVerifyKeys(pem), 'pod-1', clock, new UsedTokens(file()));
  /** What comes before the body. */
  const begin = (token: string | undefined, { method, path } = request) =>
    authorizer.authorize({ method, url: new URL(`http://10.0.0.1:5758${path}`), headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  const authorize = async (token: string | undefined, { body } = request) => (await begin(token))(Buffer.from(body));
  return { clock, begin, authorize };
}

/** Signs claims of one's own choice, to make what {@link signExecutorToken} never makes. */
async function signClaims(claims: object, header: object = { alg: 'EdDSA' }, key = ours) {
  const { sign } = await import('node:crypto');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

const nowSeconds = Math.floor(new ManualClock().now().getTime() / 1000);
const good = { aud: 'pod-1', jti: 'j', iat: nowSeconds, exp: nowSeconds + 60, req: requestDigest(request) };

test('a token of the operator is accepted, by either of two keys (X25, X27)', async () => {
  const { clock, authorize } = await start();
  await authorize(await signExecutorToken(await signingKey(ours), 'pod-1', request, clock.now()));
  await authorize(await signExecutorToken(await signingKey(next), 'pod-1', request, clock.now()));
  await authorize(await signClaims(good));
});

const REFUSED: Readonly<Record<string, () => Promise<string | undefined>>> = {
  'no token': () => Promise.resolve(undefined),
  garbage: () => Promise.resolve('x.y.z'),
  'another audience': () => signClaims({ ...good, aud: 'pod-2' }),
  'no audience': () => signClaims({ ...good, aud: undefined }),
  'another key': () => signClaims(good, { alg: 'EdDSA' }, foreign),
  'algorithm none': async () => `${(await signClaims(good, { alg: 'none' })).split('.').slice(0, 2).join('.')}.`,
  'algorithm none and a signature': () => signClaims(good, { alg: 'none' }),
  'no algorithm': () => signClaims(good, {}),
  'another algorithm': () => signClaims(good, { alg: 'HS256' }),
  'a signature by the public key as a shared secret': async () => {
    const [, claims = ''] = (await signClaims(good)).split('.');
    const signed = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${claims}`;
    return `${signed}.${createHmac('sha256', publicPem(ours)).update(signed).digest('base64url')}`;
  },
  'a key that it brings itself': () => signClaims(good, { alg: 'EdDSA', jwk: foreign.publicKey.export({ format: 'jwk' }) }, foreign),
  'claims that are changed': async () => (await signClaims(good)).replace(/\..*\./, `.${Buffer.from(JSON.stringify({ ...good, aud: 'pod-2' })).toString('base64url')}.`),
  'a life over 60 s': () => signClaims({ ...good, exp: good.iat + 61 }),
  'no end': () => signClaims({ ...good, exp: undefined }),
  'no begin': () => signClaims({ ...good, iat: undefined }),
  'no jti': () => signClaims({ ...good, jti: undefined }),
  'an end in the past': () => signClaims({ ...good, iat: nowSeconds - 66, exp: nowSeconds - 6 }),
  'a begin in the future': () => signClaims({ ...good, iat: nowSeconds + 6, exp: nowSeconds + 30 }),
  'a begin before the start of the server': () => signClaims({ ...good, iat: nowSeconds - 6, exp: nowSeconds + 30 }),
  'another body': () => signClaims({ ...good, req: requestDigest({ ...request, body: '[1]' }) }),
  'another path': () => signClaims({ ...good, req: requestDigest({ ...request, path: '/setTasks' }) }),
  'another method': () => signClaims({ ...good, req: requestDigest({ ...request, method: 'GET' }) }),
  'no request': () => signClaims({ ...good, req: undefined }),
};

test.each(Object.entries(REFUSED))('a token with %s is refused (X25, X26)', async (_title, token) => {
  const { authorize } = await start();
  await expect(token().then((text) => authorize(text))).rejects.toMatchObject({ code: 'REQUEST_UNAUTHORIZED', details: { reason: 'Unauthorized' } });
});

const OF_THE_BODY: readonly string[] = ['another body', 'another path', 'another method', 'a begin before the start of the server'];

test.each(Object.entries(REFUSED).filter(([title]) => !OF_THE_BODY.includes(title)))('a token with %s is refused before the body is read (X25)', async (_title, token) => {
  const { begin } = await start();
  await expect(token().then((text) => begin(text))).rejects.toMatchObject({ code: 'REQUEST_UNAUTHORIZED' });
});

test('a body that comes after the end of its token is refused, also where the token was never used (X25, X26)', async () => {
  const { clock, begin } = await start();
  const acceptBody = await begin(await signClaims(good));
  await clock.advance(66_000);
  expect(() => acceptBody(Buffer.from(BODY))).toThrow('before the end of its token');
});

test('of two requests that come with one token, only that is accepted whose body is there first (X26)', async () => {
  const { begin } = await start();
  const token = await signClaims(good);
  const [first, second] = [await begin(token), await begin(token)];
  second(Buffer.from(BODY));
  expect(() => first(Buffer.from(BODY))).toThrow('used before');
});

test('a difference of 5 s between the clocks is accepted (X25)', async () => {
  const { authorize } = await start();
  await authorize(await signClaims({ ...good, jti: 'ahead', iat: nowSeconds + 5, exp: nowSeconds + 60 }));
  await authorize(await signClaims({ ...good, jti: 'behind', iat: nowSeconds - 5, exp: nowSeconds - 4 }));
});

test('a key that has been rotated away signs nothing any more, and the next one does (X25, X27)', async () => {
  const both = await start(publicPem(ours, next));
  const after = await start(publicPem(next));
  await both.authorize(await signClaims(good));
  await expect(signClaims({ ...good, jti: 'old' }).then((token) => after.authorize(token))).rejects.toMatchObject({ code: 'REQUEST_UNAUTHORIZED' });
  await after.authorize(await signClaims({ ...good, jti: 'new' }, { alg: 'EdDSA' }, next));
});

test('a token that an earlier server has accepted is refused, and a new one is not (X26)', async () => {
  const clock = new ManualClock();
  const [used, unused] = [await signClaims(good), await signClaims({ ...good, jti: 'unused' })];
  await (await start(undefined, clock)).authorize(used);
  await clock.advance(2000);
  const { authorize } = await start(undefined, clock);
  await expect(authorize(used)).rejects.toThrow('used before');
  await authorize(unused);
});

/** A clock whose wall clock can be set. */
class SetClock extends ManualClock {
  private aheadMs = 0;

  override now(): Date {
    return new Date(super.now().getTime() + this.aheadMs);
  }

  set(ms: number): void {
    this.aheadMs += ms;
  }
}

const HOUR_MS = 3_600_000;

test('a clock that was ahead at the start keeps nobody out when it is set right (X26)', async () => {
  const clock = new SetClock();
  clock.set(HOUR_MS);
  const { authorize } = await start(undefined, clock);
  clock.set(-HOUR_MS);
  await authorize(await signClaims(good));
});

test('a clock that is set forward and back brings no used token back (X26)', async () => {
  const clock = new SetClock();
  const { authorize } = await start(undefined, clock);
  const used = await signClaims(good);
  await authorize(used);
  clock.set(HOUR_MS);
  const ahead = nowSeconds + HOUR_MS / 1000;
  await authorize(await signClaims({ ...good, jti: 'ahead', iat: ahead, exp: ahead + 60 })); // when the used one is forgotten
  clock.set(-HOUR_MS);
  await expect(authorize(used)).rejects.toThrow('used before');
  await authorize(await signClaims({ ...good, jti: 'later', iat: nowSeconds + 1, exp: nowSeconds + 61 }));
});

test('used tokens are forgotten when they are worthless, also in their file (X26)', async () => {
  const used = new UsedTokens(file());
  for (let second = 0; second < 5000; second += 1) expect(used.add(`j${second}`, second + 65, second)).toBe(true);
  expect(readFileSync(file(), 'utf8').split('\n').length).toBeLessThan(1200);
  expect(new UsedTokens(file()).add('j4999', 5100, 5000)).toBe(false);
});

test('a disk without room keeps out no new token, and lets in no used one (X26)', async () => {
  const used = new UsedTokens(join(home, 'none', 'used-tokens'));
  expect([used.add('a', 100, 0), used.add('a', 100, 0), used.add('b', 100, 0)]).toEqual([true, false, true]);
});

test('a token is accepted once, for as long as it would be good (X26)', async () => {
  const { clock, authorize } = await start();
  const token = await signClaims(good);
  await authorize(token);
  await expect(authorize(token)).rejects.toThrow('used before');
  await clock.advance(64_000);
  await expect(authorize(token)).rejects.toThrow('used before');
});

test.each([
  ['no key', ''],
  ['three keys', publicPem(ours, next, foreign)],
  ['no PEM', 'secret'],
])('a key file with %s is refused (X25)', async (_title, pem) => {
  await expect(readVerifyKeys(pem)).rejects.toThrow('expected one or two PEM blocks');
});

test('a key of another kind is refused (X25)', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await expect(readVerifyKeys(publicPem({ publicKey }))).rejects.toThrow();
});

test('a line that a full disk has cut short takes no other token with it (X26)', () => {
  const used = new UsedTokens(file());
  used.add('a', 100, 0);
  appendFileSync(file(), '\n100 "cut');
  used.add('b', 100, 0);
  expect(['a', 'b', 'c'].map((jti) => new UsedTokens(file()).add(jti, 100, 0))).toEqual([false, false, true]);
});
