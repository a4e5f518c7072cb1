import type { Column } from './flow.ts';
import type { Page } from './session.ts';

/** `refused`: with dead letters; `turned-away`: with refused connections; `off-clock`: refused for its time lately. */
export type DeviceState = 'connected' | 'silent' | 'refused' | 'turned-away' | 'off-clock';
export type DeviceSort = 'id' | 'lastSeen' | 'accepted' | 'refused' | 'turnedAway' | 'clockSkew';

/** `GET /devices?search=&sort=&order=asc|desc&state=&cursor=&limit=`; `search`: part of an id, an address, a label, a mapping. */
export interface DevicesPage extends Page {
  readonly devices: readonly DeviceRow[];
  /** Of all devices, whatever was searched for. */
  readonly counts: Readonly<Record<'all' | DeviceState, number>>;
}

export interface DeviceRow {
  readonly id: string;
  readonly connected: boolean;
  /** `3.1`, `3.1.1`, `5`; `null` = it did not connect since the gateway began, or is forwarded. */
  readonly protocol: string | null;
  readonly address: string | null;
  readonly lastSeenAt: number | null;
  readonly accepted: number;
  /** Dead letters. */
  readonly refused: number;
  readonly refusedByReason: Readonly<Record<string, number>>;
  /** Connections refused or ended by the gateway. */
  readonly turnedAway: number;
  readonly turnedAwayByReason: Readonly<Record<string, number>>;
  /** By how much a reading was off that was refused for its time in the last ten minutes; ahead is positive. `null` = none was. */
  readonly clockSkewMs: number | null;
  /** It has sent nothing for longer than it should, since then; most of its readings have been refused, since then. */
  readonly silentSince: number | null;
  readonly refusedSince: number | null;
  /** The mapping its readings are made by. */
  readonly source: string | null;
}

/** `GET /devices/:id` */
export interface DeviceStory extends DeviceRow {
  /** The client that forwards it. */
  readonly via: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the last hour, the newest first, at most 32. `why`: a word of `ingest_refused_total`; `null` = it went, or its network. */
  readonly connections: readonly {
    readonly at: number;
    readonly event: 'connect' | 'disconnect' | 'refused';
    readonly why: string | null;
    readonly address: string;
  }[];
  readonly takeovers: number;
  readonly slowedMs: number;
  /** Messages to topics that are not its own, by topic: acknowledged and thrown away. */
  readonly discarded: Readonly<Record<string, number>>;
  /** What is missing among its newest 1,000 readings in the store; `null` = the store cannot be asked. */
  readonly gaps:
    | readonly {
        /** Of the reading before them. */
        readonly schema: string;
        readonly from: number;
        readonly to: number;
        readonly missing: number;
      }[]
    | null;
  readonly schemas: readonly string[];
}

/** `GET /devices/:id/readings?schema=&from=&to=&limit=`, the newest first. */
export interface DeviceReadings {
  readonly readings: readonly {
    readonly schema: string;
    readonly ts: number;
    readonly seq: number | null;
    readonly values: Readonly<Record<string, number | string | boolean>>;
  }[];
}

/** `GET /devices/:id/series?schema=&field=&from=&to=&points=`, oldest first; of more readings than `points` means. `times` in seconds. */
export interface DeviceSeries {
  readonly schema: string;
  readonly field: string;
  readonly unit: string | null;
  readonly times: readonly number[];
  readonly values: Column;
  /** Lowest and highest of what each value stands for. */
  readonly min: Column;
  readonly max: Column;
  /** There are more readings than are looked at: the oldest are missing. */
  readonly truncated: boolean;
}

/** `GET /devices/:id/charts?schema=&minutes=&points=`: the last minutes of every field of a type that is a number, by one question. */
export interface DeviceCharts {
  readonly schema: string;
  readonly fields: readonly Pick<DeviceSeries, 'field' | 'unit' | 'times' | 'values'>[];
  /** There are more readings than are looked at: the oldest are missing. */
  readonly truncated: boolean;
}
