import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../support/run-program';
import { until } from '../support/waiting';
import { ensurePackages } from '../../images/debian-packages';

const NOBODY = '65534';

/** Asks for packages in a process of its own, which the test may take rights or programs from. */
function askFor(packages: readonly string[], { as = '0', path = process.env.PATH, withinMs }: { readonly as?: string; readonly path?: string; readonly withinMs?: number } = {}) {
  const script = `require(${JSON.stringify(join(__dirname, '../../lib/images/debian-packages.js'))}).ensurePackages(${JSON.stringify(packages)}, ${String(withinMs)})
    .then(() => console.log('installed'), (error) => console.log(error.message))`;
  return runProgram('/usr/bin/setpriv', ['--clear-groups', `--reuid=${as}`, `--regid=${as}`, process.execPath, '-e', script], { PATH: path });
}

describe('ensurePackages', () => {
  test('is done at once when all packages are there, whoever asks', async () => {
    await expect(ensurePackages(['dpkg', 'bash'])).resolves.toBeUndefined();
    expect((await askFor(['dpkg', 'bash'], { as: NOBODY })).stdout).toBe('installed\n');
  });
  test('says what to install, and nothing that is there, when it is not root', async () => {
    const { stdout } = await askFor(['dpkg', 'no-such-a', 'no-such-b'], { as: NOBODY });
    expect(stdout).toBe(
      'machine: Debian packages: expected no-such-a, no-such-b to be installed, got none; run as root: apt-get install --no-install-recommends no-such-a no-such-b\n',
    );
  });
  test('ends an apt that takes too long', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slow-apt-'));
    try {
      await writeFile(join(folder, 'apt-get'), '#!/bin/sh\necho $$ > "${0%/*}/pid.new"; mv "${0%/*}/pid.new" "${0%/*}/pid"\nsleep 1000\n', { mode: 0o755 });
      const { stdout } = await askFor(['no-such-a'], { path: `${folder}:${String(process.env.PATH)}`, withinMs: 1000 });
      expect(stdout).toMatch(/expected no-such-a to be installed, got none .*; run as root: /s);
      const pid = (await readFile(join(folder, 'pid'), 'utf8')).trim();
      await until(() => expect(existsSync(`/proc/${pid}`)).toBe(false));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  test('says what to install where there is no apt', async () => {
    const { stdout } = await askFor(['no-such-a'], { path: '/nowhere' });
    expect(stdout).toMatch(/expected no-such-a to be installed, got none \(.*ENOENT\); run as root: apt-get install --no-install-recommends no-such-a\n$/s);
  });
});
