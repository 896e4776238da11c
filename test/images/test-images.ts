import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { buildArchives, type ImageArchive } from '../../images/archives';
import { type BuildContext, type ContextFile, programWithLibraries } from '../../images/build-context';
import { ensurePackages } from '../../images/debian-packages';

/** Images that tests run on the real cluster; the tag is not `latest`, which Kubernetes would always pull. */
export const TestImage = {
  /** First process of a pod: holds its namespaces, and reaps what is orphaned where containers share processes. */
  pause: 'sandbox-test.example/pause:1',
  /** A main container with a shell and the usual programs: Debian's busybox. Without a command it serves HTTP on port 80, as nginx does. */
  main: 'sandbox-test.example/main:1',
} as const;

/** Programs of the seeds that busybox lacks, as far as their walk-through goes. */
const STAND_INS: Readonly<Record<string, string>> = {
  bash: '#!/bin/sh\nexec sh "$@"\n',
  python: '#!/bin/sh\n[ "$1 $2" = "-m http.server" ] || { echo "python: this stand-in only knows -m http.server" >&2; exit 2; }\nexec httpd -f -p "${3:-8000}"\n',
};

/** The first process of a container gets no signal that it does not ask for, and busybox' httpd asks for none. */
const SERVE = 'trap "exit 0" TERM; httpd -f -p 80 -h /www & wait';

/** The archives of {@link TestImage}, built unless that was done before. */
export async function buildTestImages(): Promise<readonly ImageArchive[]> {
  await ensurePackages(['busybox-static', 'catatonit']);
  return buildArchives([
    { name: TestImage.pause, containerfile: 'FROM scratch\nCOPY pause/ /\nUSER 65535:65535\nENTRYPOINT ["/catatonit", "-P"]\n', context: await pauseFiles() },
    { name: TestImage.main, containerfile: `FROM scratch\nCOPY main/ /\nCMD ${JSON.stringify(['sh', '-c', SERVE])}\n`, context: await mainFiles() },
  ]);
}

const pauseFiles = () => programWithLibraries('/usr/bin/catatonit', 'pause', 'catatonit');

async function mainFiles(): Promise<BuildContext> {
  const { stdout } = await promisify(execFile)('busybox', ['--list']);
  const links = stdout.trim().split('\n').map((name): [string, ContextFile] => [`main/bin/${name}`, { linkTo: 'busybox' }]);
  const standIns = Object.entries(STAND_INS).map(([name, text]): [string, ContextFile] => [`main/bin/${name}`, { text, executable: true }]);
  return {
    ...Object.fromEntries([...links, ...standIns]),
    ...(await programWithLibraries('/bin/busybox', 'main', 'bin/busybox')),
    'main/etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n' },
    'main/etc/group': { text: 'root:x:0:\nuser:x:1000:\n' },
    'main/www/index.html': { text: 'a sandbox of a test\n' },
  };
}
