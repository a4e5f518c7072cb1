import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ConnectPacket } from './decode-packet.ts';
import { Mqtt5Peer } from './mqtt5-peer.ts';
import { SessionMemory } from './session-memory.ts';

const CONNECT: ConnectPacket = {
  cmd: 'connect',
  clean: true,
  keepalive: 60,
  clientId: 'dev-1',
  hasWill: false,
  username: undefined,
  password: undefined,
  properties: {},
};

function greet(keepalive: number, properties: ConnectPacket['properties'] = {}) {
  const said: string[] = [];
  const refusals: string[] = [];
  const left: string[] = [];
  const stream = new PassThrough();
  const sessions = new SessionMemory({ maxExpirySeconds: 100, sessions: 10, now: () => 0 });
  const nothing = (): void => undefined;
  const peer = new Mqtt5Peer(
    { receiveMaximum: () => 10, packetBytes: 1_000 },
    {
      stream,
      sessions,
      writer: {
        puback: nothing,
        pubrec: nothing,
        pubcomp: nothing,
        write: (packet) => said.push(Buffer.from(packet).toString('hex')),
      },
      connect: nothing,
      left: (packet) => left.push(packet.cmd),
      publish: () => {
        throw new Error('a fault of ours');
      },
      charge: nothing,
      arrived: nothing,
      subscriptionRefused: nothing,
      refused: (reason) => {
        refusals.push(reason);
        return reason;
      },
      failed: nothing,
      end: (lastWords) => said.push(Buffer.from(lastWords).toString('hex')),
    },
  );
  peer.take({ ...CONNECT, keepalive, properties }, 20);
  peer.connecting({ keepalive });
  peer.accepted('dev-1');
  return { peer, said, refusals, left, sessions };
}

function open(keepalive: number) {
  const greeted = greet(keepalive);
  greeted.peer.opened();
  return greeted;
}

describe('a client that speaks MQTT 5', () => {
  it('is gone with its stream: what is still found is not its own to answer', () => {
    const { peer, refusals, said, left } = open(60);
    expect(peer.hungUp()).toEqual([]);
    peer.take({ cmd: 'pingreq' }, 0);
    expect({ refusals, said, left }).toEqual({ refusals: [], said: [], left: ['pingreq'] });
  });

  it('says nothing more once it has ended', () => {
    const { peer, said } = open(60);
    expect(Buffer.from(peer.farewell('revoked')).toString('hex')).toBe('e00198');
    peer.take({ cmd: 'pingreq' }, 0);
    peer.acknowledge(1, 1, 'accepted', undefined);
    peer.fault({ kind: 'malformed', why: 'x' });
    peer.refuse('not-durable', 'x');
    expect(peer.farewell('shuttingDown')).toHaveLength(0);
    expect(said).toEqual([]);
  });

  it('[P2] is in from CONNACK 0 on, also before aedes is done with its CONNECT: it keeps its session, and gets no second CONNACK', () => {
    const properties = { sessionExpiryInterval: 50 };
    const gone = greet(60, properties);
    gone.peer.hungUp();
    expect(gone.sessions.take('dev-1')).toBeDefined();
    const replaced = greet(60, properties);
    expect(Buffer.from(replaced.peer.farewell('takenOver')).toString('hex')).toBe('e0018e');
    expect(replaced.sessions.take('dev-1')).toBeDefined();
    const refused = greet(60, properties);
    refused.peer.refuse('keepalive-timeout', 'silent');
    expect(refused.said).toEqual([expect.stringMatching(/^e0..8d/)]);
  });

  it('is told nothing of where our files lie, and who of us does not answer', () => {
    for (const reason of ['not-durable', 'internal-error'] as const) {
      const { peer, said } = open(60);
      peer.refuse(reason, '/var/lib/pipeline/event-log.sqlite: disk is full');
      expect(Buffer.from(said[0] ?? '', 'hex').toString()).toMatch(/send it again|a fault of the gateway/);
      expect(Buffer.from(said[0] ?? '', 'hex').toString()).not.toContain('/var');
    }
  });
});
