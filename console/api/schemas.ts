import type { Fault } from './dead-letters.ts';

/** `GET /schemas` */
export interface SchemaList {
  readonly schemas: readonly {
    readonly name: string;
    readonly title: string | null;
    readonly description: string | null;
    readonly fields: number;
    /** Readings appended; `null` = no gateway answers. */
    readonly appended: number | null;
  }[];
}

/** `GET /schemas/:type/:version` */
export interface SchemaStory {
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly schema: unknown;
  readonly fields: readonly {
    readonly name: string;
    readonly kind: string;
    readonly unit: string | null;
    readonly minimum: number | null;
    readonly maximum: number | null;
    readonly required: boolean;
    readonly description: string | null;
  }[];
  /** Who sent it, among the devices whose pages were looked at and the letters that name it; at most 100. */
  readonly devices: readonly string[];
  /** A payload that passes. */
  readonly example: string;
}

/** `POST /schemas/try {topic, payload}`, `POST /mappings/try {topic, payload, client?}` */
export interface Judgement {
  readonly verdict: 'accepted' | 'dead-lettered' | 'partly' | 'discarded';
  readonly sentence: string;
  readonly readings: readonly { readonly device: string; readonly reading: unknown }[];
  readonly rejects: readonly {
    readonly index: number | null;
    readonly reason: string;
    readonly faults: readonly Fault[];
  }[];
}

/** `GET /mappings` */
export interface MappingList {
  readonly mappings: readonly {
    readonly source: string;
    readonly file: string;
    readonly description: string | null;
    /** What a message on such a topic becomes, in words. */
    readonly rules: readonly { readonly topic: string; readonly does: string }[];
    /** What became of messages since the gateways began, in words; empty = nothing came, or nobody tells. */
    readonly became: string;
  }[];
}
