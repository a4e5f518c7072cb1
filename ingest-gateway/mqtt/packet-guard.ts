import { holdCompactly } from '#ingest-gateway/held-input.ts';
import type { AedesInternals, ReceivedPacket } from './aedes-internals.ts';
import { countFilters, structureFaultOf } from './packet-structure.ts';
import { readingPublishes } from './plain-publish.ts';

export interface PacketGuardLimits {
  /** Bytes of a packet, now. */
  readonly packetBytes: () => number;
  /** Topic filters of one SUBSCRIBE or UNSUBSCRIBE. */
  readonly filters: number;
}

export interface PacketGuardEvents {
  /** The packet is against a bound or against the rules; the client's connection ends. */
  readonly refused: (
    reason: 'packet-too-large' | 'too-many-filters' | 'protocol-error',
    detail: string,
  ) => void;
  /** A whole packet, before anybody else sees it. @returns whether the others are to see it */
  readonly received: (packet: ReceivedPacket) => boolean;
  /** Bytes of an unfinished packet that the parser holds; told after every slice of input. */
  readonly held: (bytes: number) => void;
}

/**
 * Stands at both ends of aedes' parser: what the parser and aedes would take in good faith ends the connection here.
 *
 * - *before a packet is collected*: as soon as its header announces more than the limit. The parser would collect up to
 *   256 MB for each connection. Input comes in slices smaller than every limit, so that a packet that is too large is
 *   always seen before it is complete.
 * - *before it is parsed*: filters are counted, since making 65,000 of them holds up everybody.
 * - *before it is handed on*: packets that only servers send, packet ids that are none.
 */
export function guardPackets(
  aedes: AedesInternals,
  limits: PacketGuardLimits,
  events: PacketGuardEvents,
): void {
  const parser = aedes._parser;
  const { _parseSubscribe, _parseUnsubscribe } = parser;
  const parse = readingPublishes(parser);
  const fail = (reason: Parameters<PacketGuardEvents['refused']>[0], detail: string): void => {
    events.refused(reason, detail);
    parser._emitError(new Error(detail));
  };

  parser.parse = (bytes) => {
    const rest = parse(bytes);
    const announced = parser.packet.length ?? 0;
    if (announced > limits.packetBytes()) fail('packet-too-large', `${announced} bytes`);
    holdCompactly(parser._list);
    events.held(rest);
    return rest;
  };

  const countedFirst = (original: () => void, optionBytes: number) => () => {
    const { length = 0, cmd } = parser.packet;
    const filters = countFilters(parser._list, {
      length,
      optionBytes,
      most: limits.filters,
      hasProperties: parser.settings.protocolVersion === 5,
    });
    if (filters > limits.filters) fail('too-many-filters', `${cmd} with more than ${limits.filters} filters`);
    else if (filters === 0) fail('protocol-error', `${cmd} without a filter`);
    else original.call(parser);
  };
  parser._parseSubscribe = countedFirst(_parseSubscribe, 1);
  parser._parseUnsubscribe = countedFirst(_parseUnsubscribe, 0);

  const emit = parser.emit;
  parser.emit = (event, subject) => {
    if (event === 'packet') {
      const fault = structureFaultOf(subject as ReceivedPacket);
      if (fault !== undefined) fail('protocol-error', fault);
      if (fault !== undefined || !events.received(subject as ReceivedPacket)) return true;
    }
    return emit.call(parser, event, subject);
  };
}
