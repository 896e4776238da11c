import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { readStartTime } from '../../local/nodes/marked-processes';
import { packageRoot } from '../../local/programs';
import { runProgram } from '../support/run-program';

/** Inside the package, whose sources it reads. */
const PROGRAM = join(packageRoot(), 'test', '.tmp', `cluster-${process.pid}.js`);

let home: string;
beforeAll(() => buildSync({ entryPoints: [join(__dirname, 'cli.ts')], bundle: true, platform: 'node', outfile: PROGRAM }));
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cluster-cli-'));
});
afterEach(() => rm(home, { recursive: true }));
afterAll(() => rm(PROGRAM));

/** Runs the command while this process is the holder of a cluster. */
async function runBeside(cluster: object, ...args: readonly string[]) {
  const folder = join(home, '.cache', 'cdk8s-sandboxes');
  await mkdir(folder, { recursive: true });
  const running = { pid: process.pid, startTime: readStartTime(process.pid), kubeconfigPath: '/k', url: 'https://127.0.0.1:1', folder: '/f', program: '/p', ...cluster };
  await writeFile(join(folder, 'cluster.json'), JSON.stringify(running));
  return runProgram(process.execPath, [PROGRAM, ...args], { HOME: home });
}

test('up --node is refused while a cluster without a node runs', async () => {
  expect(await runBeside({}, 'up', '--node')).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'cluster: --node: expected no cluster, or one with a node, to be running, got one without; end it first: npm run cluster -- down\n',
  });
});

test.each([
  ['up', {}],
  ['up', { node: { id: 'n', pid: 1 } }],
  ['up --node', { node: { id: 'n', pid: 1 } }],
])('%s says how to use the cluster %j that runs', async (command, cluster) => {
  expect(await runBeside(cluster, ...command.split(' '))).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('export KUBECONFIG=/k') });
});
