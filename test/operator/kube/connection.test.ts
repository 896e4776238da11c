import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { connectionFromKubeconfig } from '../../../operator/kube/client-node';
import { inClusterConnection } from '../../../operator/kube/connection';
import { until } from '../../support/waiting';

describe('connections', () => {
  let dir: string;
  const monotonicMs = () => 0;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'connection-test-'));
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
    /** As the kubelet does it: a folder for each version, and a link that moves to the newest. */
    const replace = async (token: string, ca: string) => {
      const version = await mkdtemp(join(dir, '..version-'));
      await Promise.all([writeFile(join(version, 'token'), `${token}\n`), writeFile(join(version, 'ca.crt'), ca), writeFile(join(version, 'namespace'), 'home')]);
      await symlink(basename(version), join(dir, '..data_new'));
      await rename(join(dir, '..data_new'), join(dir, '..data'));
    };

    beforeEach(async () => {
      await replace('first', 'CA');
      for (const file of ['token', 'ca.crt', 'namespace']) await symlink(join('..data', file), join(dir, file));
    });
    const open = (host = '10.0.0.1') => inClusterConnection({ host, port: '443', dir });

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

    test('uses the new token and CA when they have been replaced', async () => {
      const connection = await open();
      await replace('second', 'CA2');
      await until(async () => expect(await connection.authorization()).toBe('Bearer second'));
      expect(connection.tls().ca?.toString()).toBe('CA2');
      await replace('third', 'CA3');
      await until(async () => expect(await connection.authorization()).toBe('Bearer third'));
    });

    test('reads again what could not be read when it changed', async () => {
      const connection = await open();
      await rm(join(dir, '..data', 'token')); // in a folder of its own: only what follows is told
      await mkdir(join(dir, 'change'));
      await until(() => expect(connection.authorization()).rejects.toThrow(/ENOENT.*token/));
      await writeFile(join(dir, '..data', 'token'), 'second');
      expect(await connection.authorization()).toBe('Bearer second');
    });

    test('reads at once when its token was refused', async () => {
      const connection = await open();
      await write('token', 'second');
      await connection.refresh();
      expect(await connection.authorization()).toBe('Bearer second');
    });

    test('refuses a directory that is not there', async () => {
      await expect(inClusterConnection({ host: '10.0.0.1', port: '443', dir: join(dir, 'none') })).rejects.toThrow(/ENOENT.*none/);
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
