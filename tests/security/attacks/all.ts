import type { Attack } from '#tests/security/attack.ts';
import { LOGIN_ATTACKS } from './logins.ts';
import { MEMORY_ATTACKS } from './memory.ts';
import { PACKET_FLOODS } from './packet-floods.ts';
import { SOCKET_ATTACKS } from './sockets.ts';
import { WEB_SOCKET_ATTACKS } from './web-socket.ts';

export const ATTACKS: readonly Attack[] = [
  ...WEB_SOCKET_ATTACKS,
  ...PACKET_FLOODS,
  ...MEMORY_ATTACKS,
  ...SOCKET_ATTACKS,
  ...LOGIN_ATTACKS,
];
