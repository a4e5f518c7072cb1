import { type ClientPacket, decodePacket, type PacketHead, protocolVersionOf } from './decode-packet.ts';
import type { PacketFault } from './packet-reader.ts';

/** What is taken over from mqtt-packet. Not promised by it: package.json pins its exact version. */
interface ParserInternals {
  /** The packet being collected. */
  packet: PacketHead;
  /** Set: what is left of the input is not looked at. */
  error: Error | null;
  readonly _list: {
    readonly length: number;
    slice(from: number, to: number): Buffer;
    consume(bytes: number): void;
  };
  _pos: number;
  /** Called with the fixed header read. @returns whether the body was complete */
  _parsePayload(): boolean;
  /** Called after it. */
  _newPacket(): boolean;
  emit(event: 'packet', packet: object): boolean;
  on(event: 'error', listener: (error: Error) => void): void;
  removeAllListeners(event: 'error'): void;
}

/** Gets every packet of a client that speaks MQTT 5, instead of aedes. */
export interface PacketTaker {
  /** @param length bytes of it after the fixed header */
  take(packet: ClientPacket, length: number): void;
  /** The client speaks neither this version nor one that aedes knows. */
  refuseVersion(version: number): void;
  fault(fault: PacketFault): void;
}

const VERSION = 5;
/** MQTT 3.1 and 3.1.1, also from a bridge: aedes' own. */
const OTHER_VERSIONS: ReadonlySet<number> = new Set([3, 4, 0x83, 0x84]);
/** Of a CONNECT, up to its protocol version. */
const VERSION_BYTES = 7;

/**
 * Stands between mqtt-packet, which cuts the input into packets, and aedes, which knows no MQTT 5. The first packet of a
 * connection decides: when it is no CONNECT of MQTT 5, everything is put back as it was, and nothing here costs the
 * messages of other versions anything. Otherwise bodies are decoded by `decodePacket`, and packets go to the taker:
 * mqtt-packet can parse MQTT 5, but takes a property twice, lengths beyond the packet, and any number of properties.
 *
 * @param parserOfAedes of a new connection
 * @param open the client speaks MQTT 5, or an unknown version
 */
export function speakMqtt5(parserOfAedes: object, open: () => PacketTaker): void {
  const parser = parserOfAedes as ParserInternals;
  const parsePayload = parser._parsePayload;
  parser._parsePayload = () => {
    const { cmd, length } = parser.packet;
    const available = parser._list.length;
    const isWhole = available >= length;
    if (cmd === 'connect') {
      if (!isWhole && available < VERSION_BYTES) return false;
      const version = protocolVersionOf(parser._list.slice(0, Math.min(VERSION_BYTES, length)));
      if (version !== undefined && !OTHER_VERSIONS.has(version)) {
        const taker = open();
        decodeHere(parser, taker);
        if (version === VERSION) return parser._parsePayload();
        parser.error = new Error('unknown protocol version');
        taker.refuseVersion(version);
        return true;
      }
    }
    parser._parsePayload = parsePayload;
    return parser._parsePayload();
  };
}

function decodeHere(parser: ParserInternals, taker: PacketTaker): void {
  let decoded: ClientPacket | PacketFault | undefined;
  const fault = (what: PacketFault): void => {
    // Stops the parser: what follows cannot be told apart.
    parser.error ??= new Error(what.why);
    taker.fault(what);
  };
  // What the parser itself finds: flags of a fixed header, lengths, and the limit that is put on it.
  parser.removeAllListeners('error');
  parser.on('error', ({ message }) => fault({ kind: 'malformed', why: message }));
  parser._parsePayload = () => {
    const { packet, _list } = parser;
    if (_list.length < packet.length) return false;
    decoded = decodePacket(packet, _list.slice(0, packet.length));
    if ('kind' in decoded) fault(decoded);
    return true;
  };
  parser._newPacket = () => {
    const { packet } = parser;
    parser._list.consume(packet.length);
    parser._pos = 0;
    parser.packet = { cmd: '', qos: 0, dup: false, retain: false, length: -1 };
    if (decoded !== undefined && !('kind' in decoded)) taker.take(decoded, packet.length);
    return true;
  };
}
