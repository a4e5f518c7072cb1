import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { MemoryBudget } from '#ingest-gateway/memory-budget.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { internalsOf, type ReceivedPacket } from './aedes-internals.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { ReceivedPublish } from './handle-publish.ts';
import { tokensOf } from './packet-cost.ts';
import { guardPackets } from './packet-guard.ts';
import type { Publishes } from './publishes.ts';

export interface GuardParts {
  readonly limits: GatewayLimits;
  readonly connections: ConnectionTable;
  readonly partialPackets: MemoryBudget;
  readonly telemetry: IngestTelemetry;
  /** Get the messages, instead of aedes. */
  readonly publishes: Publishes;
}

/**
 * What one connection may send: sizes and structure of its packets, what each takes from its device's bucket, and what
 * unfinished ones hold of memory.
 */
export function guardConnection(
  connection: Connection,
  { limits, connections, partialPackets, telemetry, publishes }: GuardParts,
): void {
  const { client, stream } = connection;
  const aedes = internalsOf(client);
  const holder = {
    drop: (bytes: number) => connections.drop(connection, 'partial-packets', `${bytes} bytes of one`),
  };
  let isGone = false;
  stream.once('close', () => {
    isGone = true;
    if (partialPackets.hold(holder, 0) > 0) telemetry.packetCut();
  });

  /** Before a CONNECT it is aedes that refuses it. */
  const publish = (packet: ReceivedPacket): boolean => {
    if (connection.connect === undefined) return true;
    publishes.take(packet as ReceivedPacket & ReceivedPublish);
    return false;
  };
  const received = (packet: ReceivedPacket): boolean => {
    telemetry.packetReceived(packet.cmd);
    connection.keepalive.heard();
    const { device } = connection;
    const isRelease = packet.cmd === 'pubrel' && device !== undefined;
    if (!isRelease || !connection.answers.toRelease(packet.messageId ?? 0))
      device?.bucket.take(tokensOf(packet));
    if (packet.cmd === 'publish') return publish(packet);
    if (packet.cmd === 'disconnect') publishes.disconnected();
    return !isRelease;
  };

  guardPackets(
    aedes,
    {
      packetBytes: () =>
        connection.connect === undefined ? limits.packetBytesBeforeConnect : limits.packetBytes,
      filters: limits.filtersPerPacket,
    },
    {
      refused: (reason, detail) => connections.refuse(connection, reason, detail),
      received,
      // What was left unread is parsed later: nothing would let go of it any more.
      held: (bytes) => partialPackets.hold(holder, isGone ? 0 : bytes),
    },
  );
}
