import type { Stage } from './stage';

/** What one round has shown. */
export interface Round {
  /** The figure of the scenario, in ms. */
  readonly ms: number;
  /** Times of the parts of the round, such as of each batch of a burst, in ms. @default - there are none */
  readonly partsMs?: readonly number[];
  /** Further figures by name, such as `delivery meanwhile, ms`. @default - none */
  readonly more?: Readonly<Record<string, number>>;
  /** Brings the stage back to rest; not measured. */
  readonly cleanUp: () => Promise<void>;
}

/** One who plays rounds. */
export interface Player {
  /** Makes a round ready; not measured. @default - nothing is needed */
  readonly prepare?: () => Promise<void>;
  /** Does the work. */
  readonly play: () => Promise<Round>;
}

/** A scenario that is ready to be played, on one stage. */
export interface OpenScenario {
  /** Has the controller do the work. */
  readonly controller: Player;
  /** Does the same writes by hand, as fast as can be, and nothing else; it never plays before the controller has. */
  readonly loop: Player;
  /** Removes what it needed. @default - nothing is left */
  readonly close?: () => Promise<void>;
}

/** Work whose time is measured, by a controller and by a bare loop in turn. */
export interface Scenario {
  /** As `--only` takes it, such as `batch-100`. */
  readonly name: string;
  /** What it does, in a few words of the table. */
  readonly title: string;
  /** Part of the docs that it belongs to. */
  readonly group: 'batch' | 'burst' | 'deletion' | 'cold' | 'pool' | 'tasks';
  /** Sandboxes that it is about, all batches together. */
  readonly size: number;
  /** The ratio to the bare loop that is to be reached at most. */
  readonly target: number;
  /** Measured rounds unless told otherwise, and those before that do not count. */
  readonly rounds: number;
  readonly warmUps: number;
  /** Makes everything ready on a stage. */
  open(stage: Stage): Promise<OpenScenario>;
}

/** Rounds of a scenario that first needs pods made: the more of them, the fewer. */
export function roundsFor(pods: number): number {
  if (pods < 1_000) return 10;
  return pods < 5_000 ? 5 : 3;
}
