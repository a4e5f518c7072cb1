import type { Figures } from './measurements.ts';
import { svgOf } from './plot.ts';
import { SHARES } from './rates.ts';

const CURVES = [
  ['PUBACK p50', 'PubackP50Ms'],
  ['PUBACK p99', 'PubackP99Ms'],
  ['age at storage p99', 'AgeP99Ms'],
] as const;

/** Of each pipeline whose rates were measured: what devices and readers wait for, by how much it has to do. */
export function ratePlots(
  medians: ReadonlyMap<string, Figures>,
): { readonly file: string; readonly svg: string }[] {
  return [...medians].flatMap(([name, figures]) => {
    const [kind, setup = ''] = name.split(': ');
    if (kind !== 'rates') return [];
    const rateAt = (share: number): number =>
      Math.round(((figures['saturatedPerSecond'] ?? Number.NaN) * share) / 100);
    const curves = CURVES.map(([curve, figure]) => ({
      name: curve,
      points: SHARES.map((share) => [rateAt(share), figures[`at${share}${figure}`] ?? Number.NaN] as const),
    }));
    const title = `${setup}: waiting at 1, 10, 25, 50 and 75 % of saturation`;
    const file = `rates-${setup.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`;
    return [{ file, svg: svgOf({ title, xLabel: 'readings a second', yLabel: 'milliseconds', curves }) }];
  });
}
