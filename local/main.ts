import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { clustersRoot, sweepDeadClusters } from './cluster-folder';
import { type CommandContext, runCommand } from './command';
import type { LogsOptions } from './logs';
import type { QuickstartOptions } from './quickstart';
import { REAP_COMMAND, reapCluster } from './reaper';
import type { StatusOptions } from './status';
import type { UpOptions } from './up';

const BAD_USAGE_EXIT_CODE = 2;

const ABOUT_ISOLATION =
  'The embedded cluster isolates nothing: its pods are processes of this machine, under your user, with your files.\n' +
  'Images are not run: containers run their command from this machine. Deployments are stored but not run, since the operator is built in.';

function toProgram(onChosen: (run: (context: CommandContext) => Promise<void>, options: { json: boolean }) => void): Command {
  const program = new Command('sandboxes')
    .description('Runs sandbox fleets on a cluster inside this process, without Kubernetes, and shows the fleets of any cluster.')
    .addHelpText('after', `\n${ABOUT_ISOLATION}\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`)
    .exitOverride()
    .showHelpAfterError('sandboxes --help shows the usage');

  program
    .command('quickstart')
    .description('Synthesizes a fleet, delivers 100 sandboxes from a warm pool and counts the words of a text in 100 tasks.')
    .option('--input <path>', 'text file, or folder of text files, to count', undefined)
    .option('--replicas <n>', 'sandboxes and tasks, from 1 to 1000', toReplicas, 100)
    .option('--output <folder>', 'where the synthesized manifests go', 'dist')
    .option('--json', 'print one JSON object at the end and no progress', false)
    .addHelpText(
      'after',
      examples('sandboxes quickstart', 'sandboxes quickstart --input /usr/share/doc --replicas 20', 'sandboxes quickstart --json | jq .deliverMs'),
    )
    .action((options: QuickstartOptions) =>
      onChosen(async (context) => (await import('./quickstart.js')).quickstart(options, context), options),
    );

  program
    .command('up')
    .argument('[app]', 'folder of a cdk8s app (with cdk8s.yaml, or else main.ts or main.js), or a file or folder of YAML manifests')
    .description('Starts an embedded cluster, applies the manifests of an app (without one it stays empty), and stays until Ctrl-C.')
    .option('--kubeconfig <file>', 'where to write the kubeconfig; default is a file that goes away with the cluster')
    .option('--server', 'start the lifecycle server too, which OpenSandbox SDKs call', false)
    .option('--operator-flag <flag>', 'flag of the operator, such as --task-stop-timeout=5s; may be given again', (flag: string, before: readonly string[]) => [...before, flag], [])
    .option('--json', 'print one JSON object when the cluster is up, and no progress', false)
    .addHelpText('after', examples('sandboxes up', 'sandboxes up pool.yaml --server', 'sandboxes up examples/gitops', 'sandboxes up manifests/ --kubeconfig ./kubeconfig'))
    .action((app: string | undefined, options: Omit<UpOptions, 'app'>) =>
      onChosen(async (context) => (await import('./up.js')).up({ app, ...options }, context), options),
    );

  program
    .command('status')
    .description('Shows the pools and batches of the current cluster, embedded or real.')
    .option('--kubeconfig <file>', 'kubeconfig of the cluster; default is KUBECONFIG, then ~/.kube/config')
    .option('-n, --namespace <name>', 'namespace; default is the one of the kubeconfig')
    .option('-A, --all-namespaces', 'all namespaces', false)
    .option('-o, --output <form>', 'table or json', toOutputForm, 'table')
    .addHelpText('after', examples('sandboxes status -A', 'sandboxes status -n team-a -o json | jq .batches'))
    .action((options: StatusOptions) =>
      onChosen(async (context) => (await import('./status.js')).status(options, context), { json: true }),
    );

  program
    .command('logs')
    .argument('<task>', 'name of the batch and slot of the sandbox, such as dice-0')
    .description('Prints what a task has written so far; an executor keeps the last 8 MiB of each stream. This machine must reach the pods.')
    .option('--stderr', 'its standard error instead of its standard output', false)
    .option('--kubeconfig <file>', 'kubeconfig of the cluster; default is KUBECONFIG, then ~/.kube/config')
    .option('-n, --namespace <name>', 'namespace; default is the one of the kubeconfig')
    .option('--operator-namespace <name>', "namespace of the operator, whose Secret holds the key; default is to look in all")
    .addHelpText('after', examples('sandboxes logs dice-0', 'sandboxes logs dice-19 --stderr', 'sandboxes logs dice-0 --operator-namespace opensandbox-system'))
    .action((task: string, { stderr, ...options }: Omit<LogsOptions, 'stream'> & { readonly stderr: boolean }) =>
      onChosen(async (context) => (await import('./logs.js')).logs(task, { ...options, stream: stderr ? 'stderr' : 'stdout' }, context), { json: true }),
    );
  return program;
}

async function main(argv: readonly string[]): Promise<number> {
  // A reader that went away, such as `head`, must not keep us from cleaning up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const [first, ...rest] = argv;
  if (first === REAP_COMMAND) {
    const [root = '', id = ''] = rest;
    await reapCluster(root, id);
    return 0;
  }
  let chosen: Parameters<Parameters<typeof toProgram>[0]> | undefined;
  try {
    await toProgram((...choice) => (chosen = choice)).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_USAGE_EXIT_CODE;
    throw error;
  }
  if (chosen === undefined) return BAD_USAGE_EXIT_CODE;
  await sweepDeadClusters(clustersRoot());
  const [run, { json }] = chosen;
  return runCommand(run, { json, env: process.env });
}

function toReplicas(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000) {
    throw new InvalidArgumentError(`expected a whole number from 1 to 1000, got '${text}'`);
  }
  return value;
}

function toOutputForm(text: string): string {
  if (text !== 'table' && text !== 'json') throw new InvalidArgumentError(`expected table or json, got '${text}'`);
  return text;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

main(process.argv.slice(2)).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`sandboxes: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
