import { App, Chart, type ChartProps, Testing, Yaml } from 'cdk8s';
import packageJson from '../../package.json';
import { PodTemplate } from '../../src';

/** A rendered object, as far as tests look into it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A pod of one container, as most tests need it. */
export const pod = PodTemplate.fromSpec({ containers: [{ name: 'main', image: 'busybox', command: ['sleep', 'infinity'] }] });

/** The objects that `build` puts into chart `web`. */
export function objectsOf(build: (chart: Chart) => void, props: ChartProps = {}): Manifest[] {
  return Testing.synth(chartOf(build, props));
}

/** The manifest of {@link objectsOf}, with the version of this package as VERSION. */
export function manifestOf(build: (chart: Chart) => void, props: ChartProps = {}): string {
  return Yaml.stringify(...objectsOf(build, props)).replaceAll(`:${packageJson.version}`, ':VERSION');
}

/** The problems that synth reports, without the construct path that cdk8s puts before each; none when it succeeds. */
export function problemsOf(build: (chart: Chart) => void, props: ChartProps = {}): string[] {
  const chart = chartOf(build, props);
  try {
    Testing.synth(chart);
  } catch (error) {
    const [, ...lines] = String(error).split('\n');
    return lines.map((line) => line.replace(/^ {2}\[[^\]]*\] /, ''));
  }
  return [];
}

function chartOf(build: (chart: Chart) => void, props: ChartProps): Chart {
  const chart = new Chart(new App(), 'web', props);
  build(chart);
  return chart;
}
