/**
 * What a platform team keeps in its GitOps repository: the runtime, the pools of each team, and a fleet, one file for each.
 *
 * `npx cdk8s synth` writes them to dist/; commit that folder, or let CI do it.
 */
import { App, Chart, Duration, Size } from 'cdk8s';
import {
  BatchSandboxFleet,
  PodCount,
  PodTemplate,
  SandboxCrds,
  SandboxPool,
  SandboxRuntime,
  TaskResourcePolicy,
  TaskShards,
} from 'cdk8s-sandboxes';
import { Cpu, Namespace } from 'cdk8s-plus-28';
import type { Construct } from 'constructs';

/** The operator; the CRDs have a file of their own, so that they can be applied first. */
class Platform extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'opensandbox-system' });
    new SandboxRuntime(this, 'runtime', {
      createNamespace: true,
      installCrds: false,
      watchNamespaces: ['research'],
    });
  }
}

/** Warm pods of two sizes. */
class Pools extends Chart {
  readonly small: SandboxPool;
  readonly large: SandboxPool;

  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'research', labels: { team: 'research' } });
    this.small = this.addPool('small', { cpu: '500m', memory: '512Mi' }, 20);
    this.large = this.addPool('large', { cpu: '4', memory: '8Gi' }, 2);
  }

  private addPool(size: string, requests: Record<string, string>, warmPods: number): SandboxPool {
    return new SandboxPool(this, size, {
      metadata: { name: `python-${size}` },
      template: PodTemplate.fromTemplate({
        metadata: { labels: { size } },
        spec: {
          containers: [{ name: 'python', image: 'python:3.13-slim', command: ['sleep', 'infinity'], resources: { requests } }],
        },
      }),
      executor: { resources: { cpu: { request: Cpu.millis(250), limit: Cpu.units(2) }, memory: { limit: Size.gibibytes(1) } } },
      bufferMin: warmPods,
      bufferMax: warmPods * 2,
      poolMax: warmPods * 10,
      scaleMaxUnavailable: PodCount.percent(50),
    });
  }
}

/** Forty trainings that differ in one number; each gives its pod back when it has ended. */
class Experiment extends Chart {
  constructor(scope: Construct, id: string, pool: SandboxPool) {
    super(scope, id, { namespace: 'research' });
    const tasks = new TaskShards(this, 'seeds', {
      command: ['python', '-c', "import os, random; random.seed(os.environ['SEED']); print(random.random())"],
      timeout: Duration.minutes(10),
    });
    for (let seed = 0; seed < 40; seed += 1) {
      tasks.addShard({ env: [{ name: 'SEED', value: `${seed}` }] });
    }
    new BatchSandboxFleet(this, 'fleet', {
      metadata: { name: 'seeds' },
      pool,
      tasks,
      taskResourcePolicyWhenCompleted: TaskResourcePolicy.RELEASE,
    });
  }
}

const app = new App();
new SandboxCrds(new Chart(app, 'crds'), 'sandboxes');
new Namespace(new Chart(app, 'namespaces'), 'research', { metadata: { name: 'research' } });
new Platform(app, 'platform');
const pools = new Pools(app, 'pools');
new Experiment(app, 'experiment', pools.small);
app.synth();
