/** Curves over a common x axis; y is logarithmic, since a tail is a multiple of a median. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
}

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 150;
const TOP = 44;
const BOTTOM = 52;
const COLOURS = ['#0b6e99', '#c2410c', '#4d7c0f', '#7e22ce'];
const X_TICKS = 5;

/** The plot as an SVG document, readable on light and dark pages alike. */
export function svgOf({ title, xLabel, yLabel, curves }: Plot): string {
  const drawn = curves.map((curve) => ({ ...curve, points: curve.points.filter(([, y]) => y > 0) }));
  const points = drawn.flatMap((curve) => curve.points);
  const xMax = roundUp(Math.max(1, ...points.map(([x]) => x)));
  const decades = points.map(([, y]) => Math.log10(y));
  const from = Math.floor(Math.min(0, ...decades));
  const to = Math.ceil(Math.max(from + 1, ...decades));
  const xAt = (x: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * x) / xMax;
  const yAt = (y: number): number =>
    HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (Math.log10(y) - from)) / (to - from);
  const right = xAt(xMax);
  const grid = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)).map(
    (y) =>
      `<line x1="${LEFT}" y1="${at(yAt(y))}" x2="${right}" y2="${at(yAt(y))}" stroke="#ddd"/>` +
      `<text x="${LEFT - 8}" y="${at(yAt(y) + 4)}" text-anchor="end">${y}</text>`,
  );
  const ticks = Array.from({ length: X_TICKS + 1 }, (_, i) => (xMax * i) / X_TICKS).map(
    (x) =>
      `<text x="${at(xAt(x))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${x.toLocaleString('en-US')}</text>`,
  );
  const lines = drawn.flatMap(({ name, points: ofCurve }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = ofCurve.map(([x, y]) => `${at(xAt(x))},${at(yAt(y))}`);
    const dots = path
      .map((place) => place.split(','))
      .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`);
    const y = TOP + 12 + 20 * i;
    return [
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      `<rect x="${right + 14}" y="${y - 9}" width="12" height="4" fill="${colour}"/>`,
      `<text x="${right + 32}" y="${y - 3}">${escaped(name)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="15">${escaped(title)}</text>`,
    ...grid,
    `<line x1="${LEFT}" y1="${HEIGHT - BOTTOM}" x2="${right}" y2="${HEIGHT - BOTTOM}" stroke="#444"/>`,
    ...ticks,
    `<text x="${(LEFT + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text x="16" y="${(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(TOP + HEIGHT - BOTTOM) / 2})">${escaped(yLabel)}</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

/** To one, two or five of its power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

const at = (place: number): string => String(Math.round(place * 10) / 10);

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
