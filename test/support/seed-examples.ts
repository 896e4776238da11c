import { type ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';

/** Where the examples run. */
export interface ExamplesPlace {
  readonly connectionConfig: ConnectionConfig;
  /** The image that runs there in the place of one that a document names. */
  readonly imageFor: (name: string) => string;
}

/**
 * Defines the Python examples of the documents that the project comes from (seeds 002 and 003) as tests, line by line in the JavaScript of the same SDK. They need a pool
 * `agent-pool` with an idle pod, and leave no sandbox.
 */
export function describeSeedExamples(place: () => ExamplesPlace): void {
  describe('the examples of the documents that the project comes from, line by line', () => {
    test('a sandbox from a pool, with an entrypoint of its own, whose command is run (seeds 002 and 003, pooled mode)', async () => {
      const { connectionConfig, imageFor } = place();
      // sandbox = await Sandbox.create(
      const sandbox = await Sandbox.create({
        image: imageFor('ubuntu:latest'), // "ubuntu:latest",
        entrypoint: ['sleep', 'infinity'], // entrypoint=["sleep", "infinity"],
        connectionConfig, // connection_config=ConnectionConfig(domain="localhost:8080"),
        extensions: { poolRef: 'agent-pool' }, // extensions={"poolRef": "agent-pool"}
      }); // )
      const execution = await sandbox.commands.run('echo hello from batch sandbox'); // execution = await sandbox.commands.run("echo hello from batch sandbox")
      const stdout = execution.logs.stdout.length > 0 ? execution.logs.stdout[0]?.text : ''; // stdout = execution.logs.stdout[0].text if execution.logs.stdout else ""
      expect(stdout).toBe('hello from batch sandbox'); // print(f"Output: {stdout}")
      expect((await sandbox.getInfo()).entrypoint).toEqual(['sleep', 'infinity']);
      await sandbox.kill(); // await sandbox.kill()
      await sandbox.close(); // async with sandbox:
    });

    test('any image, and resources (seed 003, non-pooled mode)', async () => {
      const { connectionConfig, imageFor } = place();
      // sandbox = await Sandbox.create(
      const sandbox = await Sandbox.create({
        image: imageFor('python:3.11'), // "python:3.11",
        resource: { cpu: '1', memory: '500Mi' }, // resource={"cpu": "1", "memory": "500Mi"},
        env: { GREETING: 'hello' },
        connectionConfig, // connection_config=ConnectionConfig(domain="localhost:8080")
      }); // )
      expect((await sandbox.getInfo()).image).toEqual({ uri: imageFor('python:3.11') });
      const execution = await sandbox.commands.run('echo $GREETING; exit 3');
      expect([execution.logs.stdout.map(({ text }) => text), execution.exitCode]).toEqual([['hello'], 3]);
      await sandbox.kill();
      await sandbox.close();
    });

    test('a sandbox that is there is listed, and connected to (seed 003)', async () => {
      const { connectionConfig, imageFor } = place();
      const made = await Sandbox.create({ image: imageFor('ubuntu:latest'), connectionConfig, extensions: { poolRef: 'agent-pool' } });
      const manager = SandboxManager.create({ connectionConfig }); // manager = SandboxManager(connection_config=ConnectionConfig(domain="localhost:8080"))
      const sandboxes = await manager.listSandboxInfos({}); // sandboxes = await manager.list_sandbox_infos(SandboxFilter())
      const [found] = sandboxes.items.filter(({ id }) => id === made.id);
      // sandbox = await Sandbox.connect(
      const sandbox = await Sandbox.connect({
        sandboxId: found?.id ?? '', // sandbox_id="<sandbox-id>",
        connectionConfig, // connection_config=ConnectionConfig(domain="localhost:8080")
      }); // )
      expect((await sandbox.commands.run('pwd')).exitCode).toBe(0);
      await sandbox.kill();
      await Promise.all([made, manager, sandbox].map((each) => each.close()));
    });
  });
}
