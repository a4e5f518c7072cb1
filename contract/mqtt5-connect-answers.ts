import { MEND, type Mqtt5Answer } from '#contract/mqtt5-answer.ts';

/** To CONNECT. */
export const CONNECT_ANSWERS = {
  connected: {
    packet: 'CONNACK',
    code: 0x00,
    name: 'Success',
    when: 'the device is let in',
    device: 'publish',
  },
  connectMalformed: {
    packet: 'CONNACK',
    code: 0x81,
    name: 'Malformed Packet',
    when: 'a CONNECT that cannot be read',
    device: MEND,
  },
  connectAgainstRules: {
    packet: 'CONNACK',
    code: 0x82,
    name: 'Protocol Error',
    when: 'a CONNECT against the rules: a property twice, or where it may not stand',
    device: MEND,
  },
  versionUnknown: {
    packet: 'CONNACK',
    code: 0x84,
    name: 'Unsupported Protocol Version',
    when: 'a protocol version above 5',
    device: 'speak MQTT 5 or 3.1.1',
  },
  clientIdInvalid: {
    packet: 'CONNACK',
    code: 0x85,
    name: 'Client Identifier not valid',
    when: 'the client id is empty, or no device id; none is ever assigned',
    device: MEND,
  },
  badCredentials: {
    packet: 'CONNACK',
    code: 0x86,
    name: 'Bad User Name or Password',
    when: 'an unknown or revoked device, or a wrong password',
    device: 'get new credentials',
  },
  wrongIdentity: {
    packet: 'CONNACK',
    code: 0x87,
    name: 'Not authorized',
    when: 'user name or certificate of another device',
    device: MEND,
  },
  unavailable: {
    packet: 'CONNACK',
    code: 0x88,
    name: 'Server unavailable',
    when: 'the log cannot be written, all places are taken, or the gateway is stopping',
    device: 'try again later, or another gateway',
  },
  connectBusy: {
    packet: 'CONNACK',
    code: 0x89,
    name: 'Server busy',
    when: 'too many passwords are waiting to be checked, or too many wrong ones came before',
    device: 'try again later',
  },
  banned: {
    packet: 'CONNACK',
    code: 0x8a,
    name: 'Banned',
    when: 'the device is on the list of `npm run bans`, by hand or because it connects over and over',
    device: 'try again later',
  },
  authenticationMethodUnknown: {
    packet: 'CONNACK',
    code: 0x8c,
    name: 'Bad authentication method',
    when: 'a CONNECT that asks for an exchange of AUTH packets',
    device: 'use a password or a certificate',
  },
  connectTooLarge: {
    packet: 'CONNACK',
    code: 0x95,
    name: 'Packet too large',
    when: 'a CONNECT above 4 KiB, or a Maximum Packet Size in which no CONNACK has room',
    device: MEND,
  },
} as const satisfies Record<string, Mqtt5Answer>;
