/**
 * Counts the words of one text in many sandboxes: a warm pool, a fleet that draws from it, and one part of the text for each sandbox.
 *
 *   SANDBOXES_INPUT     path of the text (required)
 *   SANDBOXES_REPLICAS  number of sandboxes (default 100)
 *   SANDBOXES_OUTDIR    where the manifests go (default dist)
 *
 * A sandbox of `sandboxes up` sees the files of this machine. On a real cluster, mount the text into the pod and set INPUT to its path.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { App, Chart, Duration } from 'cdk8s';
import { BatchSandboxFleet, PodCount, PodTemplate, SandboxPool, TaskShards } from 'cdk8s-sandboxes';
import type { Construct } from 'constructs';

/** Prints `<count> <word>` for each word of bytes FROM to FROM + BYTES - 1 of the file INPUT; a word is a run of letters and digits. */
const COUNT_WORDS = `[ -r "$INPUT" ] || exit 1
export LC_ALL=C
tail -c "+$FROM" "$INPUT" | head -c "$BYTES" | tr -cs 'A-Za-z0-9' '\\n' | tr 'A-Z' 'a-z' |
  awk '$0 != "" { count[$0]++ } END { for (word in count) print count[word], word }'
`;

class WordCount extends Chart {
  constructor(scope: Construct, id: string, input: string, replicas: number) {
    super(scope, id, { namespace: 'default' });

    const pool = new SandboxPool(this, 'pool', {
      metadata: { name: 'warm' },
      template: PodTemplate.fromSpec({
        containers: [{ name: 'main', image: 'busybox:1.36', command: ['sleep', 'infinity'] }],
      }),
      executor: {},
      bufferMin: replicas,
      poolMax: replicas,
      scaleMaxUnavailable: PodCount.percent(100),
    });

    const tasks = new TaskShards(this, 'tasks', {
      command: ['sh', '-c', COUNT_WORDS],
      env: [{ name: 'INPUT', value: input }],
      timeout: Duration.minutes(1),
    });
    for (const { start, bytes } of lineRanges(readFileSync(input), replicas)) {
      tasks.addShard({
        env: [
          { name: 'FROM', value: `${start + 1}` },
          { name: 'BYTES', value: `${bytes}` },
        ],
      });
    }

    new BatchSandboxFleet(this, 'fleet', { metadata: { name: 'words' }, pool, tasks });
  }
}

/** Cuts a text into `count` ranges of about the same size, each ending with a line; a short text leaves some of them empty. */
function lineRanges(text: Buffer, count: number): { start: number; bytes: number }[] {
  const ends = Array.from({ length: count }, (_, index) => {
    const newline = index === count - 1 ? -1 : text.indexOf('\n', Math.floor((text.length * (index + 1)) / count));
    return newline === -1 ? text.length : newline + 1;
  });
  return ends.map((end, index) => {
    const start = ends[index - 1] ?? 0;
    return { start, bytes: end - start };
  });
}

const { SANDBOXES_INPUT, SANDBOXES_REPLICAS = '100', SANDBOXES_OUTDIR } = process.env;
if (SANDBOXES_INPUT === undefined) {
  throw new Error('SANDBOXES_INPUT: expected the path of a text, got nothing');
}
const app = new App({ outdir: SANDBOXES_OUTDIR });
new WordCount(app, 'quickstart', resolve(SANDBOXES_INPUT), Number(SANDBOXES_REPLICAS));
app.synth();
