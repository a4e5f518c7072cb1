import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Figures } from './measurements.ts';

/** Of what a measurement is, and when and where it was made. */
export interface Whence {
  /** As typed. */
  readonly command: string;
  /** When that began: ISO 8601. */
  readonly at: string;
  /** Commit, Node, machine: as `describeMachine` says it. */
  readonly machine: string;
  /** Of the machine, at the start. */
  readonly load: string;
}

/** A measurement as it is kept beside the document: a line of JSON. */
export interface KeptResult extends Whence {
  readonly measurement: string;
  /** Of each round. */
  readonly runs: readonly Figures[];
}

/** More digits of a figure are noise. */
const DIGITS = 5;

/** @returns nothing when there is no file */
export function readResults(file: string): KeptResult[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as KeptResult);
}

/** Puts a result in the place of the one that was kept of its measurement. @returns all that are kept then */
export function keepResult(file: string, result: KeptResult): KeptResult[] {
  const all = readResults(file);
  const place = all.findIndex(({ measurement }) => measurement === result.measurement);
  all.splice(place === -1 ? all.length : place, 1, result);
  replaceFile(file, all.map((each) => `${JSON.stringify(each, (_, value) => shortened(value))}\n`).join(''));
  return all;
}

/** Whole, or as it was: hours of measuring may be in it. */
export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.draft`, text);
  renameSync(`${file}.draft`, file);
}

function shortened(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value;
}
