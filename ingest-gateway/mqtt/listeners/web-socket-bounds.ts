import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { type HeldInput, holdCompactly } from '#ingest-gateway/held-input.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { ListenerParts } from './listener.ts';

/** What a frame costs beside the packets in it, in tokens: a packet may come in one frame, or in one for each byte. */
const TOKENS_A_FRAME = 1 / 8;
/** Frames without a byte of MQTT that a client may send at once, and in each second: pings to keep a proxy awake. */
const IDLE_FRAMES = 100;
const IDLE_FRAMES_A_SECOND = 10;
/** Bytes that `ws` is given at once: it takes all frames in them, also those behind the one for which the client goes. */
const SLICE_BYTES = 4 * 1024;

/**
 * Private to ws: what it keeps of a frame, in pieces, and of a message; `conclude` = a close frame was read.
 * `assertKnownVersions` refuses another version.
 */
interface WebSocketInternals {
  readonly _receiver: {
    once(event: 'conclude', listener: () => void): void;
    readonly _bufferedBytes: number;
    readonly _buffers: HeldInput['_bufs'];
    readonly _messageLength: number;
    readonly _fragments: HeldInput['_bufs'];
  };
}

interface WebSocketEvents {
  /** Counts why the connection ends. */
  readonly refuse: (reason: RefusalReason, detail: string) => void;
}

/**
 * The bounds of a WebSocket itself, which the gate on its stream does not see: `ws` reads the socket and keeps frames on
 * its own, whatever the stream's reader does.
 *
 * Two states. *Before CONNECT*: all that comes, frames' headers included, is bounded as a packet is on TCP. *Greeted*
 * (the CONNECT was parsed): frames are charged to the device, whose stream is then read more slowly. In both, frames
 * that bring nothing (control frames and empty ones) are bounded by a rate, since no reader ever waits for those; one is
 * let pass for each that brings something, and was charged. And what `ws` keeps of a message until it is whole counts as an
 * unfinished packet does: a client may announce 256 KiB in a frame, and never send the last byte.
 *
 * @param behind bytes that came behind the request for it, and are still to be taken.
 * @returns to be told that the CONNECT was parsed
 */
export function boundWebSocket(
  webSocket: WebSocket,
  { socket, behind }: { readonly socket: Socket; readonly behind: number },
  limits: GatewayLimits,
  { refuse, heldInput }: WebSocketEvents & Pick<ListenerParts, 'heldInput'>,
): (charge: (tokens: number) => void) => void {
  const bytesAtUpgrade = socket.bytesRead - behind;
  let charge: ((tokens: number) => void) | undefined;
  let idleFrames = 0;
  let idleSince = performance.now();

  const end = (reason: RefusalReason, detail: string): void => {
    if (socket.destroyed) return;
    refuse(reason, detail);
    webSocket.terminate();
  };
  let bytes = 0;
  const check = (): void => {
    if (charge === undefined && bytes > limits.webSocketBytesBeforeConnect)
      end('packet-too-large', `${bytes} bytes over WebSocket without CONNECT`);
  };
  const holder = {
    drop: (held: number) => end('partial-packets', `${held} bytes of a WebSocket message`),
  };
  const { _receiver: receiver } = webSocket as unknown as WebSocketInternals;
  takeInSlices(webSocket, socket, () => {
    holdCompactly({ length: receiver._bufferedBytes, _bufs: receiver._buffers });
    holdCompactly({ length: receiver._messageLength, _bufs: receiver._fragments });
    heldInput.hold(holder, receiver._bufferedBytes + receiver._messageLength);
  });
  socket.once('close', () => heldInput.hold(holder, 0));
  // A chunk is judged when its frames were taken and the stream was read, since the CONNECT may be in it: before the next
  // chunk, or when none comes at once.
  const onData = (): void => {
    check();
    bytes = socket.bytesRead - bytesAtUpgrade;
    setImmediate(check);
  };
  socket.prependListener('data', onData);

  const onIdleFrame = (): void => {
    const now = performance.now();
    idleFrames = Math.max(0, idleFrames - ((now - idleSince) / 1000) * IDLE_FRAMES_A_SECOND) + 1;
    idleSince = now;
    if (idleFrames > IDLE_FRAMES)
      end('protocol-error', 'more WebSocket frames without content than any client needs');
  };
  webSocket.on('ping', onIdleFrame);
  webSocket.on('pong', onIdleFrame);
  answerPings(webSocket);
  webSocket.on('message', (data: Buffer) => {
    if (data.length === 0) onIdleFrame();
    else {
      // MQTT.js writes an empty topic, which MQTT 5 has behind an alias, as a frame of its own.
      idleFrames = Math.max(0, idleFrames - 1);
      charge?.(TOKENS_A_FRAME);
    }
  });

  return (chargeDevice) => {
    charge = chargeDevice;
    socket.off('data', onData);
  };
}

/**
 * Of the pings that came together the last one is answered, which is enough (RFC 6455, 5.5.3): a hundred of them cost one
 * write, and none when the client goes for them.
 */
function answerPings(webSocket: WebSocket): void {
  let last: Buffer | undefined;
  const answer = (): void => {
    if (webSocket.readyState === WebSocket.OPEN) webSocket.pong(last);
    last = undefined;
  };
  webSocket.on('ping', (data) => {
    if (last === undefined) setImmediate(answer);
    last = data;
  });
}

/**
 * A socket is read 64 KiB at a time: 6,500 pings, of which 100 are enough to end it. So `ws` gets less at once, and nothing
 * of what lies behind, nor while its stream holds enough; and nothing behind a close frame, or what is no frame: there it
 * takes its own listener away, and lets the socket flow, whether its stream holds enough or not.
 */
function takeInSlices(webSocket: WebSocket, socket: Socket, onTaken: () => void): void {
  const { _receiver: receiver } = webSocket as unknown as WebSocketInternals;
  const takers = socket.listeners('data') as ((this: Socket, bytes: Buffer) => void)[];
  socket.removeAllListeners('data');
  let isOver = false;
  const onData = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length && !isOver && !socket.destroyed; at += SLICE_BYTES) {
      if (webSocket.isPaused) {
        // One that flows would hand it out again from within.
        socket.pause().unshift(chunk.subarray(at));
        break;
      }
      for (const take of takers) take.call(socket, chunk.subarray(at, at + SLICE_BYTES));
    }
    if (!socket.destroyed) onTaken();
  };
  const end = (): void => {
    isOver = true;
    socket.off('data', onData);
  };
  socket.on('data', onData);
  receiver.once('conclude', end);
  webSocket.once('error', end);
}
