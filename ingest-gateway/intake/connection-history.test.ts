import { expect, test } from 'vitest';
import { ConnectionHistory } from './connection-history.ts';

const HOUR = 60 * 60 * 1000;
const AT = '192.0.2.1';

test('keeps the last 32 events of the last hour, the newest first', () => {
  const history = new ConnectionHistory();
  for (let i = 0; i < 100; i++) history.connected(i, AT);
  expect(history.list(100).map(({ at }) => at)).toEqual(Array.from({ length: 32 }, (_, i) => 99 - i));
  expect(history.list(HOUR + 90).map(({ at }) => at)).toEqual([99, 98, 97, 96, 95, 94, 93, 92, 91, 90]);
  expect(history.list(3 * HOUR)).toEqual([]);
});

test('a connection that the gateway ends stands there once, also where the oldest event was written over', () => {
  for (const before of [0, 31, 32, 40]) {
    const history = new ConnectionHistory();
    for (let i = 0; i < before; i++) history.connected(i, AT);
    history.connected(100, AT);
    history.refused(200, AT, 'keepalive-timeout');
    history.disconnected(201, AT, 'keepalive-timeout');
    expect(history.list(300).slice(0, 2)).toEqual([
      { at: 201, event: 'disconnect', why: 'keepalive-timeout', address: AT },
      { at: 100, event: 'connect', why: null, address: AT },
    ]);
  }
});

test('somebody who is turned away while the device is connected does not end it', () => {
  const history = new ConnectionHistory();
  history.connected(1, AT);
  history.refused(2, '192.0.2.9', 'bad-credentials');
  history.disconnected(3, AT, undefined);
  expect(history.list(4).map(({ event, why }) => [event, why])).toEqual([
    ['disconnect', null],
    ['refused', 'bad-credentials'],
    ['connect', null],
  ]);
});
