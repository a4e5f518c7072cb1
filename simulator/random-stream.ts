import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** A reproducible sequence of random numbers, with the draws the simulator needs. */
export class RandomStream {
  readonly #generator: RandomGenerator;

  constructor(generator: RandomGenerator) {
    this.#generator = generator;
  }

  /** Uniform in [0, 1). */
  next(): number {
    return uniformFloat64(this.#generator);
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.next();
  }

  /** A whole number from 0, smaller than `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Bell-shaped around 0 with standard deviation 1, never beyond ±3: sensors have no wild outliers of their own. */
  bell(): number {
    return 2 * (this.next() + this.next() + this.next() - 1.5);
  }

  /** How many trials pass until one with this probability succeeds; at least 1. */
  trials(probability: number): number {
    return 1 + Math.floor(Math.log(1 - this.next()) / Math.log(1 - probability));
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}

/**
 * Endless independent streams from one seed: each starts 2^64 draws after the one before (xoroshiro128+ `jump`), so
 * what one device draws, and how often, changes nothing for another.
 */
export function* randomStreams(seed: number): Generator<RandomStream, never> {
  const generator = xoroshiro128plus(seed);
  for (;;) {
    generator.jump();
    yield new RandomStream(generator.clone());
  }
}
