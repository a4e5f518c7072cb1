import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export const PROMETHEUS_DIR = path.join(import.meta.dirname, '..', '..', 'prometheus');

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export type Rule = RecordingRule | AlertRule;

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The rule files of prometheus/rules, by name. */
export function readRuleFiles(): ReadonlyMap<string, RuleFile> {
  const folder = path.join(PROMETHEUS_DIR, 'rules');
  return new Map(
    readdirSync(folder).map((name) => [name, parse(readFileSync(path.join(folder, name), 'utf8'))]),
  );
}

export function rulesOf(files: ReadonlyMap<string, RuleFile>): readonly Rule[] {
  return [...files.values()].flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
}

export function readAlerts(): readonly AlertRule[] {
  return rulesOf(readRuleFiles()).filter((rule) => 'alert' in rule);
}

export function readRecordings(): readonly RecordingRule[] {
  return rulesOf(readRuleFiles()).filter((rule) => 'record' in rule);
}
