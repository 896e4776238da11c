import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionFromKubeconfig } from '../../../operator/kube/client-node';
import { inClusterConnection } from '../../../operator/kube/connection';

describe('connections', () => {
  let dir: string;
  let nowMs: number;
  const monotonicMs = () => nowMs;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'connection-test-'));
    nowMs = 0;
  });
  afterEach(() => rm(dir, { recursive: true }));

  const write = (name: string, text: string) => writeFile(join(dir, name), text);
  const kubeconfig = async (server: string, cluster: object, user: object) => {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'team' } }],
      clusters: [{ name: 'k', cluster: { server, ...cluster } }],
      users: [{ name: 'u', user }],
    };
    await write('config', JSON.stringify(config));
    return join(dir, 'config');
  };

  describe('in a cluster', () => {
    beforeEach(async () => {
      await write('token', 'first\n');
      await write('ca.crt', 'CA');
      await write('namespace', 'home');
    });
    const open = (host = '10.0.0.1') => inClusterConnection({ host, port: '443', dir, monotonicMs });

    test('uses the service account of the pod', async () => {
      const connection = await open();
      expect([connection.server.href, connection.namespace, connection.tls().ca?.toString(), await connection.authorization()]).toEqual([
        'https://10.0.0.1/',
        'home',
        'CA',
        'Bearer first',
      ]);
    });

    test('accepts an IPv6 address', async () => {
      expect((await open('fd00::1')).server.host).toBe('[fd00::1]');
    });

    test('reads the token again after a minute, or at once when it was refused', async () => {
      const connection = await open();
      await write('token', 'second');
      nowMs = 60_000;
      expect(await connection.authorization()).toBe('Bearer first');
      nowMs = 60_001;
      expect(await connection.authorization()).toBe('Bearer second');
      await write('token', 'third');
      await write('ca.crt', 'CA2');
      await connection.refresh();
      expect([await connection.authorization(), connection.tls().ca?.toString()]).toEqual(['Bearer third', 'CA2']);
    });
  });

  describe('from a kubeconfig', () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');

    test.each(['http://127.0.0.1:8001', 'https://127.0.0.1:6443'])('uses a token at %s', async (server) => {
      const file = await kubeconfig(server, {}, { token: 't' });
      const connection = await connectionFromKubeconfig(file, monotonicMs);
      expect([connection.server.origin, connection.namespace, await connection.authorization()]).toEqual([server, 'team', 'Bearer t']);
    });

    test('uses a client certificate and the CA of the cluster', async () => {
      const file = await kubeconfig(
        'https://127.0.0.1:6443',
        { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'kubernetes' },
        { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      );
      const connection = await connectionFromKubeconfig(file, monotonicMs);
      const { ca, cert, key, servername } = connection.tls();
      expect([`${ca}`, `${cert}`, `${key}`, servername]).toEqual(['CA', 'CERT', 'KEY', 'kubernetes']);
      expect(await connection.authorization()).toBeUndefined();
    });

    test('uses name and password', async () => {
      const file = await kubeconfig('https://127.0.0.1:6443', {}, { username: 'me', password: 'pw' });
      expect(await (await connectionFromKubeconfig(file, monotonicMs)).authorization()).toBe(`Basic ${base64('me:pw')}`);
    });

    test('reads the file again when its token was refused', async () => {
      const file = await kubeconfig('http://127.0.0.1:8001', {}, { token: 'old' });
      const connection = await connectionFromKubeconfig(file, monotonicMs);
      await kubeconfig('http://127.0.0.1:8001', {}, { token: 'new' });
      expect(await connection.authorization()).toBe('Bearer old');
      await connection.refresh();
      expect(await connection.authorization()).toBe('Bearer new');
    });

    test('refuses a file without a current cluster', async () => {
      await write('config', JSON.stringify({ 'current-context': 'none', contexts: [], clusters: [], users: [] }));
      await expect(connectionFromKubeconfig(join(dir, 'config'), monotonicMs)).rejects.toThrow(
        "kubeconfig: current-context: expected the name of a context with a cluster, got 'none'",
      );
    });

    test('refuses a file that is not there', async () => {
      await expect(connectionFromKubeconfig(join(dir, 'missing'), monotonicMs)).rejects.toThrow(/missing/);
    });
  });
});
