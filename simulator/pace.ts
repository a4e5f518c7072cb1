/** How fast a device sends. */
export interface Pace {
  /** Messages a second between bursts. */
  readonly rate: number;
  /** Within a burst the rate is multiplied by this; 1 = no bursts. */
  readonly burstFactor: number;
  /** Seconds from the beginning of one burst to the beginning of the next; each period ends with its burst. */
  readonly burstEvery: number;
  /** Seconds a burst lasts. */
  readonly burstLength: number;
}

/** When message `n` (from 0; fractions shift a device against the others) is due, milliseconds after the start. */
export function dueAfterMs(pace: Pace, n: number): number {
  const { rate, burstFactor, burstEvery, burstLength } = pace;
  const burst = Math.min(burstLength, burstEvery);
  const quiet = burstEvery - burst;
  const perPeriod = rate * (quiet + burst * burstFactor);
  const periods = Math.floor(n / perPeriod);
  const rest = n - periods * perPeriod;
  const within = rest <= rate * quiet ? rest / rate : quiet + (rest - rate * quiet) / (rate * burstFactor);
  return (periods * burstEvery + within) * 1000;
}
