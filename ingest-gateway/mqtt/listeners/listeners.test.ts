import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { LIMITS } from '#contract/limits.ts';
import { bytesOf, connectPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate, makeRevocations } from '#services/certificates.ts';

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
}

let folder: string;
const inFolder = (name: string): string => path.join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'listeners-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function certificate(name: string, commonName: string, authority?: string, extendedKeyUsage?: string): void {
  makeCertificate(folder, name, { commonName, subjectAltName: 'DNS:localhost', authority, extendedKeyUsage });
}

describe.skipIf(!hasOpenssl())('TLS (needs openssl to make certificates)', () => {
  beforeAll(() => {
    certificate('server', 'localhost');
    certificate('devices-ca', 'devices');
    certificate('dev-1', 'dev-1', 'devices-ca');
    certificate('other-ca', 'devices');
    certificate('forged', 'dev-1', 'other-ca');
  });
  const tls = (caFile: string | undefined = undefined) => ({
    port: 0,
    certFile: inFolder('server.crt'),
    keyFile: inFolder('server.key'),
    caFile,
  });
  const pem = (name: string): Buffer => readFileSync(inFolder(name));

  it('carries readings, from TLS 1.2 on', async () => {
    await using test = await startTestGateway({ mqtt: { tls: tls() } });
    const port = test.gateway.ports.tls as number;
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { minVersion: version, maxVersion: version, ca: pem('server.crt') };
      const client = await connectAsync(`mqtts://localhost:${port}`, { ...options, clientId: 'dev-1' });
      await client.publishAsync('devices/dev-1/telemetry', reading(1), { qos: 1 });
      await client.endAsync();
    }
    expect(test.log.records).toHaveLength(2);
    const old = connectTls({
      port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    });
    await expect(new Promise((_, reject) => old.once('error', reject))).rejects.toThrow();
    await eventually(async () => expect(await test.metric(refused('tls-handshake'))).toBe(1));
  });

  it('[P9] with a CA, the common name of the certificate is the device', async () => {
    await using test = await startTestGateway({
      mqtt: { tls: tls(inFolder('devices-ca.crt')), allowAnonymous: false },
    });
    const url = `mqtts://localhost:${test.gateway.ports.tls}`;
    const identity = { ca: pem('server.crt'), cert: pem('dev-1.crt'), key: pem('dev-1.key') };
    const client = await connectAsync(url, { ...identity, clientId: 'dev-1' });
    await client.publishAsync('devices/dev-1/telemetry', reading(1), { qos: 1 });
    await client.endAsync();
    const otherDevice = connectAsync(url, { ...identity, reconnectPeriod: 0, clientId: 'dev-2' });
    await expect(otherDevice).rejects.toThrow('Not authorized');
    const forged = { cert: pem('forged.crt'), key: pem('forged.key') };
    for (const login of [forged, {}]) {
      const socket = connectTls({
        port: test.gateway.ports.tls,
        ca: pem('server.crt'),
        servername: 'localhost',
        ...login,
      });
      socket.on('error', () => undefined).write(bytesOf(connectPacket('dev-1')));
      const answers: unknown[] = [];
      socket.on('data', (bytes) => answers.push(bytes));
      await new Promise((resolve) => socket.once('close', resolve));
      expect(answers).toEqual([]);
    }
    expect(await test.metric(refused('wrong-identity'))).toBe(1);
    expect(await test.metric(refused('tls-handshake'))).toBe(2);
    expect(test.log.records).toHaveLength(1);
  });

  it('[P9] a certificate that is not accepted: whose it is, why, and from where; its session opens nothing', async () => {
    await using test = await startTestGateway({
      mqtt: { tls: tls(inFolder('devices-ca.crt')), allowAnonymous: false },
    });
    const { port, ...base } = { port: test.gateway.ports.tls as number, host: '127.0.0.1' };
    const knock = async (login: object): Promise<Buffer | undefined> => {
      const socket = connectTls({ ...base, port, rejectUnauthorized: false, ...login });
      let session: Buffer | undefined;
      socket.on('session', (ticket) => {
        session = ticket;
      });
      socket.on('error', () => undefined).write(bytesOf(connectPacket('dev-1')));
      await once(socket, 'close');
      return session;
    };
    const session = await knock({ cert: pem('forged.crt'), key: pem('forged.key') });
    expect(test.gateway.strangers().strangers).toMatchObject([
      {
        id: 'dev-1',
        refusals: { 'tls-handshake': 1 },
        lastRefusal: { address: '127.0.0.1', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
      },
    ]);
    await knock({ session, cert: pem('forged.crt'), key: pem('forged.key') });
    await knock({});
    connectTcp({ ...base, port }, function (this: Socket) {
      this.resetAndDestroy();
    });
    await eventually(async () => expect(await test.metric(refused('tls-handshake'))).toBe(4));
    expect(test.gateway.strangers().addresses).toMatchObject([
      { address: '127.0.0.1', refusals: { 'tls-handshake': 4 } },
    ]);
    expect(test.gateway.connectedDevices()).toBe(0);
  });

  it('tells when the first certificate of each file expires', async () => {
    writeFileSync(inFolder('chain.crt'), Buffer.concat([pem('server.crt'), pem('devices-ca.crt')]));
    const files = { ...tls(inFolder('devices-ca.crt')), certFile: inFolder('chain.crt') };
    await using test = await startTestGateway({ mqtt: { tls: files } });
    const expiry = (name: string) => new X509Certificate(pem(name)).validToDate.getTime() / 1000;
    const shown = (certificate: string) =>
      test.metric(`ingest_tls_certificate_expiry_timestamp_seconds{certificate="${certificate}"}`);
    expect(await shown('server')).toBe(Math.min(expiry('server.crt'), expiry('devices-ca.crt')));
    expect(await shown('ca')).toBe(expiry('devices-ca.crt'));
  });

  it('takes renewed files for new connections; while they cannot be used, the old ones', async () => {
    const files = {
      certFile: inFolder('live.crt'),
      keyFile: inFolder('live.key'),
      caFile: inFolder('live-ca.crt'),
    };
    const install = (from: string, to: string): void => {
      // As certbot does: a link that points to another file from one moment to the next.
      symlinkSync(inFolder(from), inFolder('next'));
      renameSync(inFolder('next'), to);
    };
    certificate('renewed', 'localhost');
    certificate('renewed-dev-1', 'dev-1', 'other-ca');
    install('server.crt', files.certFile);
    install('server.key', files.keyFile);
    install('devices-ca.crt', files.caFile);
    await using test = await startTestGateway({ mqtt: { tls: { port: 0, ...files } } });
    const login = (trusted: string, device: string) => ({
      ca: pem(`${trusted}.crt`),
      cert: pem(`${device}.crt`),
      key: pem(`${device}.key`),
      clientId: 'dev-1',
      reconnectPeriod: 0,
    });
    const url = `mqtts://localhost:${test.gateway.ports.tls}`;
    const connect = async (trusted: string, device: string): Promise<void> => {
      const client = await connectAsync(url, login(trusted, device), false);
      await client.endAsync();
    };
    const lines = (text: string): number => test.lines.filter((line) => line.includes(text)).length;
    await connect('server', 'dev-1');
    await expect(connect('renewed', 'dev-1')).rejects.toThrow();

    install('renewed.crt', files.certFile);
    await eventually(() => expect(lines('TLS files cannot be used')).toBe(1));
    await connect('server', 'dev-1');
    writeFileSync(inFolder('half.key'), pem('renewed.key').subarray(0, 100));
    install('half.key', files.keyFile);
    await eventually(() => expect(lines('TLS files cannot be used')).toBe(2));
    await connect('server', 'dev-1');

    const connected = await connectAsync(url, login('server', 'dev-1'));
    install('renewed.key', files.keyFile);
    await eventually(() => expect(lines('TLS certificate loaded')).toBe(2));
    await connected.publishAsync('devices/dev-1/telemetry', reading(1), { qos: 1 });
    await connected.endAsync();
    await connect('renewed', 'dev-1');
    await expect(connect('server', 'dev-1')).rejects.toThrow();

    rmSync(files.caFile);
    await eventually(() => expect(lines('ENOENT')).toBe(1));
    await connect('renewed', 'dev-1');
    install('other-ca.crt', files.caFile);
    await eventually(() => expect(lines('TLS certificate loaded')).toBe(3));
    await connect('renewed', 'renewed-dev-1');
    await expect(connect('renewed', 'dev-1')).rejects.toThrow();
  });

  /** Who shows which certificate. */
  const shown = (device: string) => ({
    ca: pem('server.crt'),
    cert: pem(`${device}.crt`),
    key: pem(`${device}.key`),
    clientId: device,
    reconnectPeriod: 0,
  });

  it('[P9] devices must leave when the renewed authorities or revocations do not trust them any more', async () => {
    for (const authority of ['ca-a', 'ca-b']) certificate(authority, authority);
    certificate('dev-2', 'dev-2', 'ca-a');
    certificate('dev-3', 'dev-3', 'ca-b');
    certificate('dev-4', 'dev-4', 'ca-a');
    const caFile = inFolder('authorities.crt');
    const crlFile = inFolder('revoked.crl');
    const both = Buffer.concat([pem('ca-a.crt'), pem('ca-b.crt')]);
    makeRevocations(folder, 'ca-b', []);
    const revocations = (...names: string[]): void => {
      makeRevocations(folder, 'ca-a', names);
      writeFileSync(crlFile, Buffer.concat([pem('ca-a.crl'), pem('ca-b.crl')]));
    };
    writeFileSync(caFile, both);
    revocations();
    await using test = await startTestGateway({ mqtt: { tls: { ...tls(caFile), crlFile } } });
    const url = `mqtts://localhost:${test.gateway.ports.tls}`;
    const clients = await Promise.all(
      ['dev-4', 'dev-2', 'dev-3'].map((device) => connectAsync(url, shown(device), false)),
    );
    const [one, two, three] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    const left = (client: typeof one) =>
      new Promise((resolve) => client.once('close', () => resolve(undefined)));

    revocations('dev-2');
    await left(two);
    await expect(connectAsync(url, shown('dev-2'), false)).rejects.toThrow();
    writeFileSync(caFile, pem('ca-a.crt'));
    await left(three);
    await expect(connectAsync(url, shown('dev-3'), false)).rejects.toThrow();
    expect(await test.metric(refused('certificate-not-trusted'))).toBe(2);
    await one.publishAsync('devices/dev-4/telemetry', reading(1), { qos: 1 });
    await one.endAsync();
  });

  it('[P10] a key on a curve without a name at NIST is judged like any other, and ends nobody', async () => {
    const curve = 'brainpoolP256r1';
    makeCertificate(folder, 'self-signed', { subjectAltName: 'DNS:localhost', curve });
    makeCertificate(folder, 'dev-bp', { subjectAltName: 'DNS:localhost', authority: 'devices-ca', curve });
    await using test = await startTestGateway({
      mqtt: { tls: { ...tls(inFolder('devices-ca.crt')), webSocketPort: 0 } },
    });
    const { tls: port, secureWebSocket } = test.gateway.ports;
    for (const url of [`mqtts://localhost:${port}`, `wss://localhost:${secureWebSocket}`]) {
      await expect(connectAsync(url, shown('self-signed'), false)).rejects.toThrow();
      await (await connectAsync(url, shown('dev-bp'), false)).endAsync();
    }
    expect(await test.metric(refused('tls-handshake'))).toBe(2);
  });

  it('[P9] a certificate that was made for servers is no device, and one for clients no server', async () => {
    certificate('as-server', 'as-server', 'devices-ca', 'serverAuth');
    certificate('as-client', 'as-client', 'devices-ca', 'clientAuth');
    await using test = await startTestGateway({ mqtt: { tls: tls(inFolder('devices-ca.crt')) } });
    const url = `mqtts://localhost:${test.gateway.ports.tls}`;
    await expect(connectAsync(url, shown('as-server'), false)).rejects.toThrow();
    await (await connectAsync(url, shown('as-client'), false)).endAsync();
    const wrong = { port: 0, certFile: inFolder('as-client.crt'), keyFile: inFolder('as-client.key') };
    await expect(startTestGateway({ mqtt: { tls: wrong } })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('MQTT_TLS_CERT_FILE'),
    });
  });

  it('[P9] takes no cipher without forward secrecy unless it is named, and no renegotiation', async () => {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=localhost',
        '-keyout',
        'rsa.key',
        '-out',
        'rsa.crt',
        '-days',
        '1',
      ],
      { cwd: folder, stdio: 'pipe' },
    );
    const rsa = { port: 0, certFile: inFolder('rsa.crt'), keyFile: inFolder('rsa.key') };
    const secured = (port: number, ciphers: string) =>
      new Promise<TLSSocket>((resolve, reject) => {
        const socket = connectTls({ port, ciphers, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
        socket.once('secureConnect', () => resolve(socket)).once('error', reject);
      });
    await using strict = await startTestGateway({ mqtt: { tls: rsa } });
    await expect(secured(strict.gateway.ports.tls as number, 'AES128-GCM-SHA256')).rejects.toThrow();
    await expect(secured(strict.gateway.ports.tls as number, 'ECDHE-RSA-AES128-SHA')).rejects.toThrow();
    const socket = await secured(strict.gateway.ports.tls as number, 'ECDHE-RSA-AES128-GCM-SHA256');
    const renegotiated = new Promise<unknown>((resolve) => {
      socket.on('error', resolve).on('close', () => resolve('closed'));
      socket.renegotiate({}, (error) => resolve(error ?? 'renegotiated'));
    });
    expect(await renegotiated).not.toBe('renegotiated');
    socket.destroy();
    await using named = await startTestGateway({ mqtt: { tls: { ...rsa, ciphers: 'AES128-GCM-SHA256' } } });
    (await secured(named.gateway.ports.tls as number, 'AES128-GCM-SHA256')).destroy();
    const unknown = startTestGateway({ mqtt: { tls: { ...rsa, ciphers: 'NO-SUCH-CIPHER' } } });
    await expect(unknown).rejects.toMatchObject({ code: 'configuration' });
  });

  it('carries WebSocket, with the same certificates of devices', async () => {
    await using test = await startTestGateway({
      mqtt: {
        tls: { ...tls(inFolder('devices-ca.crt')), port: undefined, webSocketPort: 0 },
        allowAnonymous: false,
      },
    });
    const url = `wss://localhost:${test.gateway.ports.secureWebSocket}`;
    const client = await connectAsync(url, shown('dev-1'), false);
    await client.publishAsync('devices/dev-1/telemetry', reading(1), { qos: 1 });
    await client.endAsync();
    expect(test.log.records).toHaveLength(1);
    const { cert: _, key: __, ...nobody } = shown('dev-1');
    await expect(connectAsync(url, nobody, false)).rejects.toThrow();
  });

  it('[P10] ends a handshake that does not come to its end, and survives what is no TLS', async () => {
    await using test = await startTestGateway({ mqtt: { tls: tls() }, limits: { connectMs: 100 } });
    const port = test.gateway.ports.tls as number;
    const silent = await RawClient.open(port);
    const plain = await RawClient.open(port);
    plain.send(connectPacket('dev-1'));
    await Promise.all([silent.closed, plain.closed]);
    expect(await test.metric(refused('tls-handshake'))).toBe(2);
  });

  it('[P10] names the variable of a file that cannot be used', async () => {
    writeFileSync(inFolder('broken.pem'), 'no certificate');
    const start = (files: object) => startTestGateway({ mqtt: { tls: { ...tls(), ...files } } });
    const configuration = (text: string) => ({
      code: 'configuration',
      message: expect.stringContaining(text),
    });
    await expect(start({ certFile: inFolder('missing') })).rejects.toMatchObject(
      configuration('MQTT_TLS_CERT_FILE'),
    );
    await expect(start({ keyFile: inFolder('missing') })).rejects.toMatchObject(
      configuration('MQTT_TLS_KEY_FILE'),
    );
    await expect(start({ caFile: inFolder('missing') })).rejects.toMatchObject(
      configuration('MQTT_TLS_CA_FILE'),
    );
    await expect(
      start({ certFile: inFolder('missing'), keyFile: inFolder('missing') }),
    ).rejects.toMatchObject(configuration('\nMQTT_TLS_KEY_FILE'));
    await expect(start({ caFile: inFolder('broken.pem') })).rejects.toMatchObject(
      configuration('MQTT_TLS_CA_FILE'),
    );
    await expect(start({ certFile: inFolder('broken.pem') })).rejects.toMatchObject(
      configuration('MQTT_TLS_CERT'),
    );
    await expect(start({ keyFile: inFolder('dev-1.key') })).rejects.toMatchObject(
      configuration('MQTT_TLS_KEY'),
    );
  });
});

describe('WebSocket', () => {
  it('carries readings', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const client = await connectAsync(`ws://127.0.0.1:${test.gateway.ports.webSocket}/mqtt`, {
      clientId: 'dev-1',
    });
    for (let i = 0; i < 300; i++) client.publish('devices/dev-1/telemetry', reading(i), { qos: 1 });
    await client.publishAsync('devices/dev-1/telemetry', reading(300) + ' '.repeat(60_000), { qos: 1 });
    await client.endAsync();
    const seqs = test.log.records.map(({ value }) => JSON.parse(String(Buffer.from(value ?? []))).seq);
    expect(seqs).toEqual([...Array(301).keys()]);
  });

  const open = async (port: number | undefined): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'mqtt');
    await new Promise((resolve) => socket.once('open', resolve));
    return socket;
  };
  const closed = (socket: WebSocket): Promise<unknown> =>
    new Promise((resolve) => socket.once('close', resolve));

  it('[P10] ends a connection that sends more at once than a packet may have, or text', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const large = await open(test.gateway.ports.webSocket);
    large.send(Buffer.alloc(LIMITS.packetBytes + 100));
    await closed(large);
    expect(await test.metric(refused('packet-too-large'))).toBe(1);
    const text = await open(test.gateway.ports.webSocket);
    text.send(Buffer.from(bytesOf(connectPacket('dev-1'))).toString('latin1'));
    await closed(text);
    expect(test.gateway.devices()).toEqual([]);
  });

  it('[P10] lets in who offers MQTT, from a web page only when it is named', async () => {
    const origin = 'https://app.example';
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0, webSocketOrigins: [origin] } });
    const status = (protocols: string[], headers: Record<string, string> = {}) =>
      new Promise<number>((resolve) => {
        const client = new WebSocket(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, protocols, {
          headers,
        });
        client.once('open', () => resolve(101)).on('error', () => undefined);
        client.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
      });
    expect(await status(['mqtt'])).toBe(101);
    expect(await status(['mqttv3.1', 'other'])).toBe(101);
    expect(await status([])).toBe(400);
    expect(await status(['chat'])).toBe(400);
    expect(await status(['mqtt'], { origin })).toBe(101);
    expect(await status(['mqtt'], { origin: 'https://attacker.example' })).toBe(403);
    expect(await status(['mqtt'], { origin: 'null' })).toBe(403);
    // As paho-mqtt does it; but a name with a dot could be that of a page, which leads to us.
    expect(await status(['mqtt'], { origin: 'http://127.0.0.1:8083', host: '127.0.0.1:8083' })).toBe(101);
    expect(await status(['mqtt'], { origin: 'http://gateway', host: 'gateway' })).toBe(101);
    expect(await status(['mqtt'], { origin: 'http://127.0.0.1:8080', host: '127.0.0.1:8083' })).toBe(403);
    expect(await status(['mqtt'], { origin: 'http://a.example', host: 'a.example' })).toBe(403);
    expect(await test.metric(refused('web-socket-origin'))).toBe(4);
  });

  it('answers other HTTP requests with 426', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    expect((await fetch(`http://127.0.0.1:${test.gateway.ports.webSocket}/`)).status).toBe(426);
  });

  it('ends a request that does not come to its end', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 }, limits: { connectMs: 100 } });
    const slow = connectTcp(test.gateway.ports.webSocket as number, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\n');
    slow.resume();
    await new Promise((resolve) => slow.once('close', resolve));
  });

  it('[P1] an earned PUBACK arrives when the gateway stops', async () => {
    const test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const url = `ws://127.0.0.1:${test.gateway.ports.webSocket}`;
    const client = await connectAsync(url, { clientId: 'dev-1', reconnectPeriod: 0 });
    test.log.hold();
    const published = client.publishAsync('devices/dev-1/telemetry', reading(1), { qos: 1 });
    await eventually(() => expect(test.log.waiting).toHaveLength(1));
    const stopped = test.gateway.stop();
    test.log.release();
    await published;
    await stopped;
    await client.endAsync(true);
  });
});

describe('ports', () => {
  it('[P10] a taken port or a foreign address is a configuration error that names the variable', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const configuration = (text: string) => ({
      code: 'configuration',
      message: expect.stringContaining(text),
    });
    await expect(startTestGateway({ mqtt: { port } })).rejects.toMatchObject(configuration('MQTT_PORT'));
    await expect(startTestGateway({ mqtt: { webSocketPort: port } })).rejects.toMatchObject(
      configuration('MQTT_WS_PORT'),
    );
    await expect(startTestGateway({ mqtt: { host: '192.0.2.1' } })).rejects.toMatchObject(
      configuration('MQTT_HOST'),
    );
    other.close();
  });
});

describe('behind a balancer (PROXY protocol)', () => {
  const header = 'PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n';
  const start = (mqtt: object = {}) => startTestGateway({ mqtt: { proxyProtocol: true, ...mqtt } });

  it('the address of a device is the one that the balancer tells', async () => {
    await using test = await start({ bansFile: inFolder('bans.json') });
    writeFileSync(
      inFolder('bans.json'),
      JSON.stringify({
        version: 1,
        bans: [{ address: '192.0.2.9', since: new Date().toISOString(), reason: 'x', by: 'operator' }],
      }),
    );
    const connect = async (text: string | Uint8Array, pieces = 1) => {
      const client = await RawClient.open(test.port);
      const bytes = Buffer.concat([Buffer.from(text), bytesOf(connectPacket('dev-1'))]);
      const size = Math.ceil(bytes.length / pieces);
      for (let at = 0; at < bytes.length; at += size) client.send(bytes.subarray(at, at + size));
      return client.next();
    };
    expect(await connect(header)).toMatchObject({ cmd: 'connack', returnCode: 0 });
    expect(await connect(header, 20)).toMatchObject({ cmd: 'connack', returnCode: 0 });
    expect(await connect('PROXY UNKNOWN\r\n')).toMatchObject({ cmd: 'connack', returnCode: 0 });
    await eventually(async () => expect(await connect(header.replace('.7', '.9'))).toBeUndefined());
    expect(await connect(header)).toMatchObject({ cmd: 'connack' });
    expect(await connect('')).toBeUndefined();
    expect(await test.metric(refused('proxy-protocol'))).toBe(1);
  });

  it('[P10] ends who says nothing, and what is no header', async () => {
    await using test = await start();
    const noHeader = await RawClient.open(test.port);
    noHeader.send(Buffer.from('GET / HTTP/1.1\r\n'));
    await noHeader.closed;
    await using quick = await startTestGateway({ mqtt: { proxyProtocol: true }, limits: { connectMs: 50 } });
    const silent = await RawClient.open(quick.port);
    const half = await RawClient.open(quick.port);
    half.send(Buffer.from(header.slice(0, 20)));
    await Promise.all([silent.closed, half.closed]);
    expect(await quick.metric(refused('proxy-protocol'))).toBe(2);
  });

  it.skipIf(!hasOpenssl())('stands before TLS and WebSocket, too', async () => {
    certificate('behind', 'localhost');
    const files = { certFile: inFolder('behind.crt'), keyFile: inFolder('behind.key') };
    await using test = await start({ webSocketPort: 0, tls: { port: 0, webSocketPort: 0, ...files } });
    /** Passes connections on, with the header before them. */
    const balancer = async (to: number): Promise<number> => {
      const server = createTcpServer((client) => {
        const gateway = connectTcp(to, '127.0.0.1');
        gateway.write(header);
        client.pipe(gateway).pipe(client);
        client.on('error', () => undefined);
        gateway.on('error', () => undefined);
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      onTestFinished(() => void server.close());
      return (server.address() as AddressInfo).port;
    };
    const { tcp, tls, webSocket, secureWebSocket } = test.gateway.ports;
    const urls = [
      `mqtt://127.0.0.1:${await balancer(tcp as number)}`,
      `mqtts://localhost:${await balancer(tls as number)}`,
      `ws://127.0.0.1:${await balancer(webSocket as number)}`,
      `wss://localhost:${await balancer(secureWebSocket as number)}`,
    ];
    for (const [at, url] of urls.entries()) {
      const options = { clientId: 'dev-1', ca: readFileSync(files.certFile), reconnectPeriod: 0 };
      const client = await connectAsync(url, options, false);
      await client.publishAsync('devices/dev-1/telemetry', reading(at), { qos: 1 });
      await client.endAsync();
    }
    expect(test.log.records).toHaveLength(4);
  });
});
