import type { Clock } from '../../src/program/clock';
import type { SentRequest } from './checks/evidence';
import type { Fate } from './exchange';
import type { Random } from './random';

/** What can be wrong with the network or the API server for a while. */
export const WEATHERS = ['cut', 'lostAnswers', 'silence', 'slow', 'lag', '429', '500', '503'] as const;
export type Weather = (typeof WEATHERS)[number];

interface Spell {
  readonly share: number;
  readonly untilMs: number;
}

const isWatch = ({ path }: SentRequest) => path.includes('watch=true');

/** Troubles of the network between the operator and the API server: each strikes a share of the requests until its time is over. */
export class ApiWeather {
  private readonly spells = new Map<Weather, Spell>();

  /** @param longestDelayMs longest way of a request in slow weather, in ms */
  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly longestDelayMs: number,
  ) {}

  /** @param share of the requests that it strikes, from 0 to 1 */
  begin(weather: Weather, share: number, forMs: number): void {
    this.spells.set(weather, { share, untilMs: this.clock.monotonicMs() + forMs });
  }

  clear(): void {
    this.spells.clear();
  }

  fateOf(request: SentRequest): Fate {
    const { random } = this;
    const slow = this.strikes('slow');
    const thereMs = slow ? random.between(100, this.longestDelayMs) : random.between(0.2, 3);
    // Watches are told of changes while other requests get their answers: each piece takes its own time.
    const backMs = () => (isWatch(request) && this.strikes('lag') ? random.between(50, 8_000) : random.between(0.2, 3));
    return { thereMs, backMs, ...this.troubleOf(request) };
  }

  private troubleOf(request: SentRequest): Pick<Fate, 'trouble' | 'refusal'> {
    if (this.strikes('cut')) return { trouble: 'refused' };
    if (isWatch(request)) return {};
    if (this.strikes('lostAnswers')) return { trouble: 'lost answer' };
    if (this.strikes('silence')) return { trouble: this.random.chance(0.5) ? 'silence' : 'silence after' };
    if (this.strikes('429')) return { refusal: 429 };
    if (this.strikes('500')) return { refusal: 500 };
    if (this.strikes('503')) return { refusal: 503 };
    return {};
  }

  private strikes(weather: Weather): boolean {
    const spell = this.spells.get(weather);
    return spell !== undefined && this.clock.monotonicMs() < spell.untilMs && this.random.chance(spell.share);
  }
}
