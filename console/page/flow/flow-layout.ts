/** Where the stations of the diagram stand, and the lines between them. */

export type StationName = 'devices' | 'gateway' | 'log' | 'writer' | 'store' | 'letters';
export type Point = readonly [x: number, y: number];

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly station: { readonly width: number; readonly height: number };
  readonly stations: Readonly<Record<StationName, Point>>;
  readonly edges: Readonly<
    Record<'received' | 'appended' | 'consumed' | 'stored' | 'malformed' | 'refused', string>
  >;
  /** Middle of the baseline of each number. */
  readonly rates: Readonly<Record<'received' | 'appended' | 'stored' | 'malformed' | 'refused', Point>>;
}

/** Side by side, the dead letters below. */
export const WIDE: Layout = {
  width: 1080,
  height: 222,
  station: { width: 142, height: 76 },
  stations: {
    devices: [1, 12],
    gateway: [235, 12],
    log: [469, 12],
    writer: [703, 12],
    store: [937, 12],
    letters: [469, 142],
  },
  edges: {
    received: 'M143 50 H235',
    appended: 'M377 50 H469',
    consumed: 'M611 50 H703',
    stored: 'M845 50 H937',
    malformed: 'M306 88 V168 Q306 180 318 180 H469',
    refused: 'M774 88 V168 Q774 180 762 180 H611',
  },
  rates: {
    received: [189, 22],
    appended: [423, 22],
    stored: [891, 22],
    malformed: [388, 152],
    refused: [692, 152],
  },
};

/** Below each other, for a phone; the dead letters at the end. */
export const TALL: Layout = {
  width: 340,
  height: 706,
  station: { width: 180, height: 76 },
  stations: {
    devices: [20, 4],
    gateway: [20, 129],
    log: [20, 254],
    writer: [20, 379],
    store: [20, 504],
    letters: [20, 626],
  },
  edges: {
    received: 'M110 80 V129',
    appended: 'M110 205 V254',
    consumed: 'M110 330 V379',
    stored: 'M110 455 V504',
    malformed: 'M200 167 H256 Q268 167 268 179 V652 Q268 664 256 664 H200',
    refused: 'M200 417 H256 Q268 417 268 429 V652 Q268 664 256 664 H200',
  },
  rates: {
    received: [160, 100],
    appended: [160, 225],
    stored: [160, 475],
    malformed: [237, 142],
    refused: [237, 392],
  },
};
