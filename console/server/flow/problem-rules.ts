import { INTAKE_RULES } from './intake-rules.ts';
import type { ProblemRule } from './problem-rule.ts';
import { STORAGE_RULES } from './storage-rules.ts';

/** The conditions of all alerts but `IngestGatewayDown`, which is about what does not answer: see `flow-problems.ts`. */
export const PROBLEM_RULES: readonly ProblemRule[] = [...STORAGE_RULES, ...INTAKE_RULES];
