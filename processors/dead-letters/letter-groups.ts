import { counted } from '#runtime/counted.ts';
import { shortened, terminalText } from '#runtime/terminal-text.ts';
import { detailText } from './letter-summary.ts';
import { type Letter, sourceOf } from './letters.ts';

/** Letters that say the same is wrong, of whichever device. */
interface LetterGroup {
  readonly reason: string;
  /** Of the newest of them: times and numbers in it may differ. */
  detail: string;
  letters: number;
  readonly devices: Map<string, DeviceShare>;
  /** Letters of devices that are not in `devices`. */
  others: number;
}

interface DeviceShare {
  letters: number;
  newestId: string;
  newestAt: number;
}

/** Bounds of memory: what is beyond them is counted together. */
const MAX_GROUPS = 2_000;
const MAX_DEVICES = 20_000;
const OTHERS = 'others';
const DEVICES_SHOWN = 5;
const MAX_WIDTH = 120;
const MIN_WIDTH = 60;
/** What stands beside the id of a device, of which the letter is what the next command needs. */
const BESIDE_DEVICE = 46;
export const PLAIN_WIDTH = 80;

/** Counts letters by what is wrong with them, and of which device: an incident is a few lines, not a page of equal rows. */
export class LetterGroups {
  readonly #groups = new Map<string, LetterGroup>();
  #letters = 0;
  #devices = 0;

  get letters(): number {
    return this.#letters;
  }

  add(letter: Letter): void {
    const { deviceId, id, time } = letter;
    const group = this.#groupOf(letter);
    this.#letters++;
    group.letters++;
    const known = group.devices.get(deviceId);
    if (known !== undefined) {
      known.letters++;
      if (time < known.newestAt) return;
      known.newestAt = time;
      known.newestId = id;
      return;
    }
    if (this.#devices >= MAX_DEVICES) {
      group.others++;
      return;
    }
    this.#devices++;
    group.devices.set(deviceId, { letters: 1, newestId: id, newestAt: time });
  }

  /**
   * The most first, each line within `columns`.
   *
   * @param limit groups at most
   */
  text({
    columns,
    limit,
    now,
  }: {
    readonly columns: number;
    readonly limit: number;
    readonly now: number;
  }): string {
    const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, columns));
    const groups = [...this.#groups.values()].sort((a, b) => b.letters - a.letters);
    const blocks = groups.slice(0, limit).map((group) => blockOf(group, width, now));
    const left = groups.length - blocks.length;
    const lines = [
      `${counted(this.#letters, 'dead letter')}, by what is wrong with ${this.#letters === 1 ? 'it' : 'them'}:`,
      ...blocks.flatMap((block) => ['', ...block]),
      '',
      ...(left > 0 ? [`… and ${counted(left, 'more kind')}; --limit shows more`] : []),
      'dlq show ID tells all about one; --each: a row for each; --json: for machines',
    ];
    return `${lines.map((line) => shortened(line, width)).join('\n')}\n`;
  }

  #groupOf(letter: Letter): LetterGroup {
    const { reason, detail, key } = kindOf(letter);
    const isNew = !this.#groups.has(key);
    const place = isNew && this.#groups.size >= MAX_GROUPS ? OTHERS : key;
    const group = this.#groups.get(place) ?? { reason, detail, letters: 0, devices: new Map(), others: 0 };
    group.detail = detail;
    this.#groups.set(place, group);
    return group;
  }
}

/** What is wrong with a letter, in words; `key` is the same for all of which the same is wrong. */
export function kindOf(letter: Letter): {
  readonly reason: string;
  readonly detail: string;
  readonly key: string;
} {
  const source = sourceOf(letter);
  const detail = detailText(letter.detail);
  const was = letter.originalReason === undefined ? '' : `, was ${letter.originalReason}`;
  const by = source === undefined ? '' : ` (${source})`;
  const reason = `${letter.reason}${was}${by}`;
  return { reason, detail, key: JSON.stringify([reason, detail.replace(/-?\d+(\.\d+)?/g, '#')]) };
}

function blockOf(
  { reason, detail, letters, devices, others }: LetterGroup,
  width: number,
  now: number,
): string[] {
  const shares = [...devices].sort(([, a], [, b]) => b.letters - a.letters || b.newestAt - a.newestAt);
  const shown = shares.slice(0, DEVICES_SHOWN);
  const left = devices.size - shown.length;
  const leftLetters = shares.slice(DEVICES_SHOWN).reduce((sum, [, share]) => sum + share.letters, others);
  return [
    `${counted(letters, 'letter')}  ${terminalText(reason)}`,
    ...(detail === '' ? [] : [`  ${terminalText(detail)}`]),
    ...shown.map(([device, { letters: count, newestId, newestAt }]) => {
      const newest = `${count === 1 ? '' : 'newest '}${newestId}, ${age(now - newestAt)} ago`;
      return `  ${count.toLocaleString('en').padStart(7)}  ${shortened(terminalText(device), width - BESIDE_DEVICE).padEnd(20)}  ${newest}`;
    }),
    ...(leftLetters > 0
      ? [
          `  ${leftLetters.toLocaleString('en').padStart(7)}  of ${others > 0 ? 'others' : counted(left, 'more device')}; dlq stats counts them`,
        ]
      : []),
  ];
}

function age(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}
