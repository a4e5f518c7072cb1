import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';

describe('limits', () => {
  it('fit into each other', () => {
    expect(LIMITS.packetBytesBeforeConnect).toBeLessThan(LIMITS.packetBytes);
    expect(LIMITS.payloadBytes).toBeLessThan(LIMITS.packetBytes);
    // One device at its bound must leave room for the others, in count and in bytes.
    expect(LIMITS.inflightMessagesPerDevice * 10).toBeLessThanOrEqual(LIMITS.inflightMessages);
    expect(LIMITS.packetBytes * 100).toBeLessThanOrEqual(LIMITS.inflightBytes);
    expect(LIMITS.inflightBytesPerDevice * 8).toBeLessThanOrEqual(LIMITS.inflightBytes);
    expect(LIMITS.messagesPerSecond).toBeLessThanOrEqual(LIMITS.messageBurst);
    // A whole message of readings fits into one store write.
    expect(LIMITS.readingsPerMessage).toBeLessThanOrEqual(LIMITS.pointsPerWrite);
    expect(LIMITS.payloadBytes).toBeLessThanOrEqual(LIMITS.bytesPerWrite);
    // Half of the devices fill what is read of them.
    const unreadBytes = LIMITS.readAheadBytes + 64 * 1024;
    expect((LIMITS.connections / 2) * unreadBytes).toBeLessThan(LIMITS.unreadInputBytes);
    expect(LIMITS.propertyBytes).toBeLessThan(LIMITS.packetBytes);
    // A client at its Receive Maximum is still read from, and all of them have room in a session.
    expect(LIMITS.inflightMessagesPerDevice * LIMITS.receiveMaximumShare).toBeLessThan(
      LIMITS.inflightMessagesPerDevice,
    );
    expect(LIMITS.sessionExpirySeconds * 1000).toBeLessThanOrEqual(LIMITS.maxAgeMs);
    expect(LIMITS.sessions).toBeGreaterThanOrEqual(LIMITS.connections);
    // A site whose devices all come back at once is no attack.
    expect(LIMITS.connectBurstPerAddress).toBeGreaterThan(LIMITS.connections);
    expect(LIMITS.silentPerAddress).toBeLessThan(LIMITS.connections);
    expect(LIMITS.loginRefusalMs * 10).toBeLessThan(LIMITS.busyAnswerMs);
    // Before a client gives up that waits for its CONNACK.
    expect(2 * LIMITS.busyAnswerMs + LIMITS.loginRefusalMs).toBeLessThan(30_000);
  });

  // What ends one after the other, from the signal on; closing what is left takes the rest.
  it.each([
    ['npm start', ['shutdownAppendsMs', 'shutdownLingerMs', 'shutdownWritesMs']],
    ['npm run gateway', ['shutdownAppendsMs', 'shutdownLingerMs']],
    ['npm run processors', ['shutdownWritesMs', 'shutdownLeaveMs']],
  ] as const)('leave %s a second to close, also when it is told to end while it starts', (_, steps) => {
    const stepsMs = steps.reduce<number>((sum, step) => sum + LIMITS[step], LIMITS.shutdownStartMs);
    expect(stepsMs + 1_000).toBeLessThanOrEqual(LIMITS.shutdownMs);
  });
});
