import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { RequestAuthorizer } from '../../executor/auth';
import { readSigningKey, readVerifyKeys, requestDigest, signExecutorToken } from '../../src/program/executor-token';
import { ManualClock } from '../support/manual-clock';

const BODY = '[]';
const request = { method: 'POST', path: '/setTasks?x=1', body: BODY };
const pair = () => generateKeyPairSync('ed25519');
const [ours, next, foreign] = [pair(), pair(), pair()];
const publicPem = (...keys: { readonly publicKey: KeyObject }[]) => keys.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' })).join('');
const signingKey = (key: { readonly privateKey: KeyObject }) => readSigningKey(String(key.privateKey.export({ type: 'pkcs8', format: 'pem' })));

async function start(pem = publicPem(ours, next)) {
  const clock = new ManualClock();
  const authorizer = new RequestAuthorizer(await readVerifyKeys(pem), 'pod-1', clock);
  const authorize = (token: string | undefined, { method, path, body } = request) =>
    authorizer.authorize({ method, url: new URL(`http://10.0.0.1:5758${path}`), headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }, Buffer.from(body));
  return { clock, authorize };
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

test('a token of the operator is accepted, by either of two keys', async () => {
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
  'another algorithm': () => signClaims(good, { alg: 'HS256' }),
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

test.each(Object.entries(REFUSED))('a token with %s is refused', async (_title, token) => {
  const { authorize } = await start();
  await expect(token().then((text) => authorize(text))).rejects.toMatchObject({ code: 'REQUEST_UNAUTHORIZED', details: { reason: 'Unauthorized' } });
});

test('a difference of 5 s between the clocks is accepted', async () => {
  const { authorize } = await start();
  await authorize(await signClaims({ ...good, jti: 'ahead', iat: nowSeconds + 5, exp: nowSeconds + 60 }));
  await authorize(await signClaims({ ...good, jti: 'behind', iat: nowSeconds - 5, exp: nowSeconds - 4 }));
});

test('a token is accepted once, for as long as it would be good', async () => {
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
])('a key file with %s is refused', async (_title, pem) => {
  await expect(readVerifyKeys(pem)).rejects.toThrow('expected one or two PEM blocks');
});

test('a key of another kind is refused', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await expect(readVerifyKeys(publicPem({ publicKey }))).rejects.toThrow();
});
