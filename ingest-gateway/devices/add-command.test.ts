import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlowHash } from './credential.ts';
import { credentialsIfAny } from './credentials-file.ts';
import { type FastHash, verifyFast } from './password-hash.ts';
import { runDevices } from './testing/run-devices.ts';
import { verifySlow } from './verify-slow.ts';

let folder: string;
let file: string;
let list: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'add-'));
  file = path.join(folder, 'config', 'devices.json');
  list = path.join(folder, 'list');
});
afterEach(() => rmSync(folder, { recursive: true }));

const add = (argv: readonly string[], stdin = '') =>
  runDevices(['add', ...argv], { stdin, env: { DEVICE_CREDENTIALS_FILE: file } });
const addList = (content: string, ...argv: string[]) => {
  writeFileSync(list, content);
  return add(['--from', list, ...argv]);
};
const kept = (id: string) => credentialsIfAny(file).get(id);
const ids = () => [...credentialsIfAny(file).keys()];
const letsIn = (id: string, password: string) => verifySlow(Buffer.from(password), kept(id) as SlowHash);

describe('npm run devices -- add --from', () => {
  it('takes CSV: passwords made, chosen, and hashes; limits and labels', async () => {
    const { code, out, err } = await addList(
      [
        'id,password,hash,forwards,maxDevices,limits.messagesPerSecond,limits.burst,labels.site',
        'made-1,,,,,,,north',
        'chosen-1," horse, ""battery""",,,,,,',
        'bridge-1,,$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW,tele/+/S stat/#,20,5.5,500,south',
      ].join('\r\n'),
      '--label',
      'site=west',
      '--label',
      'line=2',
    );
    expect([code, err]).toEqual([0, '3 devices added\n']);
    expect(out).toMatch(/^made-1 [A-Za-z0-9_-]{32}\n$/);
    expect(verifyFast(Buffer.from(out.trim().split(' ')[1] ?? ''), kept('made-1') as FastHash)).toBe(true);
    expect(kept('made-1')).toMatchObject({ labels: { site: 'north', line: '2' } });
    expect(await letsIn('chosen-1', ' horse, "battery"')).toBe(true);
    expect(kept('bridge-1')).toMatchObject({
      algorithm: 'bcrypt',
      forwards: ['tele/+/S', 'stat/#'],
      maxDevices: 20,
      limits: { messagesPerSecond: 5.5, burst: 500 },
      labels: { site: 'south', line: '2' },
    });
  });

  it('takes JSON lines, also from standard input, and what the credentials file itself holds', async () => {
    const lines = [
      { id: 'a1', password: 'correct horse', labels: { site: 'a' }, limits: { messagesPerSecond: 7 } },
      { id: 'a2' },
    ];
    const { code } = await add(['--from', '-'], lines.map((line) => `${JSON.stringify(line)}\n`).join('\n'));
    expect(code).toBe(0);
    expect(await letsIn('a1', 'correct horse')).toBe(true);
    expect(kept('a1')).toMatchObject({ labels: { site: 'a' }, limits: { messagesPerSecond: 7 } });
    const { limits, labels, ...hash } = kept('a1') as SlowHash & { limits: object; labels: object };
    expect((await addList(JSON.stringify({ id: 'a3', hash, limits, labels }))).code).toBe(0);
    expect(kept('a3')).toEqual(kept('a1'));
  });

  it('takes what mosquitto_passwd made', async () => {
    const { code, err } = await addList(
      [
        'dev-1:$7$101$+jnd/OcQJwbyOOtO$ZJ/Sb331Q581LEY8ljG0A0AALUuWHFtlCRcwU/oSy84uQv9d/u/GNkwjTLCylE0Pq5n8E/Ps9aqgHLwk1x4qzw==',
        'dev-2:$6$HHOyvZBPkOHIJnU9$n7ulIiZszL2Gmr5ZVVLr3bMpETEIm3PpTaxVbPuv0Y/C2zZDHA0vvDxSf7ykSSfh1IofuakUzyC2AMKdQ0vL+w==',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
    expect(err).toContain('2 hashes of these are guessed fast');
    for (const id of ['dev-1', 'dev-2']) {
      expect(await letsIn(id, 'correct horse')).toBe(true);
      expect(await letsIn(id, 'correct horsf')).toBe(false);
    }
  });

  it('takes dynamic-security.json of Mosquitto, before 2.1 and since', async () => {
    const argon2 = `$argon2id$v=19$m=19456,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
    const { code } = await addList(
      JSON.stringify(
        {
          defaultACLAccess: { subscribe: true },
          clients: [
            {
              username: 'dev-1',
              textname: 'one',
              iterations: 101,
              salt: '+jnd/OcQJwbyOOtO',
              password:
                'ZJ/Sb331Q581LEY8ljG0A0AALUuWHFtlCRcwU/oSy84uQv9d/u/GNkwjTLCylE0Pq5n8E/Ps9aqgHLwk1x4qzw==',
            },
            { username: 'dev-2', encoded_password: argon2 },
          ],
        },
        null,
        2,
      ),
    );
    expect(code).toBe(0);
    expect(await letsIn('dev-1', 'correct horse')).toBe(true);
    expect(kept('dev-2')).toEqual({ algorithm: 'argon2', hash: argon2 });
  });

  // From the manual of EMQX 5: myuser1 has mypassword1, myuser3 has mypassword3.
  it("takes EMQX's CSV and JSON", async () => {
    const csv =
      'user_id,password_hash,salt,is_superuser\n' +
      'myuser3,b6c743545a7817ae8c8f624371d5f5f0373234bb0ff36b8ffbf19bce0e06ab75,de1024f462fb83910fd13151bd4bd235,true\n';
    const json = JSON.stringify([
      {
        user_id: 'myuser1',
        password_hash: 'c5e46903df45e5dc096dc74657610dbee8deaacae656df88a1788f1847390242',
        salt: 'e378187547bf2d6f0545a3f441aa4d8a',
        is_superuser: true,
      },
    ]);
    expect((await addList(csv, '--hashes', 'sha256-prefix')).code).toBe(0);
    expect((await addList(json, '--hashes', 'sha256-prefix')).code).toBe(0);
    expect(await letsIn('myuser3', 'mypassword3')).toBe(true);
    expect(await letsIn('myuser1', 'mypassword1')).toBe(true);
    expect(await letsIn('myuser1', 'mypassword3')).toBe(false);
  });

  it('[P10] refuses what protects nobody', async () => {
    const refused: [string, string][] = [
      ['plain', 'is no hash'],
      ['md5', 'is broken'],
      ['sha-suffix', 'is broken'],
      ['sha256', 'without a salt'],
      ['pbkdf2-md5-1000', 'expected sha256-prefix'],
    ];
    for (const [kind, why] of refused) {
      const { code, err } = await addList('id,hash\na,b\n', '--hashes', kind);
      expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    }
    const hex = 'c5e46903df45e5dc096dc74657610dbee8deaacae656df88a1788f1847390242';
    const unsalted = await addList(`id,hash\na1,${hex}\n`, '--hashes', 'sha256-prefix');
    expect(unsalted.err).toContain('line 2: a1: hash: without a salt');
    const unsaid = await addList(`id,hash,salt\na1,${hex},abcdefgh\n`);
    expect(unsaid.err).toContain('--hashes must say how it was made');
    const clear = await addList('dev-1:$6$HHOyvZBPkOHIJnU9$n7ulIiZs\ndev-2:hunter2-in-the-clear\n');
    expect(clear.err).toContain('line 2: expected "user:hash"');
    expect(clear.err).not.toContain('hunter2');
    expect(ids()).toEqual([]);
  });

  const bad = [
    'id,password,labels.site,limits.burst',
    'good-1,,,',
    'a/b,,,',
    'short,hunter2,,',
    'good-1,,,',
    'too,many,columns,1,2',
    'label,,\u0007,',
    'limit,,,none',
    '__proto__,,,',
    'good-2,,,',
    '',
  ].join('\n');

  it('[P10] tells every bad line with its number, quotes no password, and adds nothing', async () => {
    const { code, err } = await addList(bad);
    expect(code).toBe(2);
    const lines = err.trim().split('\n');
    expect(lines.map((line) => /line (\d+)/.exec(line)?.[1])).toEqual([
      '6',
      '3',
      '4',
      '5',
      '7',
      '8',
      '9',
      undefined,
    ]);
    expect(err).not.toContain('hunter2');
    expect(err).toContain('line 5: good-1 is there already');
    expect(ids()).toEqual([]);
  });

  it('adds the good lines when it is told to, and says that it was not all', async () => {
    const { code, err } = await addList(bad, '--skip-bad');
    expect(code).toBe(1);
    expect(err).toContain('line 3: not a device id');
    expect(err).toContain('2 devices added');
    expect(ids()).toEqual(['good-1', 'good-2']);
  });

  it('leaves what is not named as it is of a device that gets another password, by name or by a list', async () => {
    await add([
      'dev-1',
      '--label',
      'site=a',
      '--burst',
      '500',
      '--silent-after',
      '26h',
      '--forwards',
      'tele/#',
    ]);
    const { labels, limits, silentAfterSeconds, hash } = kept('dev-1') as unknown as Record<string, unknown>;
    const terms = { labels, limits, silentAfterSeconds };
    expect(await add(['dev-1'])).toMatchObject({ code: 0, err: expect.stringContaining('already') });
    expect(kept('dev-1')).toMatchObject(terms);
    expect(kept('dev-1')).not.toMatchObject({ hash });
    // What it may publish for others is a right, and given anew.
    expect(kept('dev-1')).not.toHaveProperty('forwards');
    expect((await addList('id,labels.line\ndev-1,2\n', '--replace')).code).toBe(0);
    expect(kept('dev-1')).toMatchObject({ ...terms, labels: { site: 'a', line: '2' } });
  });

  it('[P10] writes no limits that contradict each other, wherever each of them was named', async () => {
    await add(['dev-1', '--burst', '50']);
    const before = readFileSync(file, 'utf8');
    for (const refused of [
      await add(['dev-1', '--messages-per-second', '100']),
      await addList('id,limits.messagesPerSecond\ndev-2,100\n', '--burst', '50'),
    ]) {
      expect([refused.code, refused.err]).toEqual([
        2,
        expect.stringContaining('limits.burst must not be below messagesPerSecond'),
      ]);
      expect(readFileSync(file, 'utf8')).toBe(before);
    }
  });

  it.each([
    ['Latin-1', Buffer.from('id,password\ndev-1,gr\xfcnes Haus\n', 'latin1'), 'line 2 is not UTF-8 text'],
    ['UTF-16', Buffer.from('\uFEFFid,password\r\ndev-1,green house\r\n', 'utf16le'), 'it is UTF-16 text'],
  ])('[P10] refuses a list in %s: its passwords would be others', async (_, bytes, told) => {
    writeFileSync(list, bytes);
    const { code, err } = await add(['--from', list]);
    expect([code, err]).toEqual([2, expect.stringContaining(told)]);
    expect(ids()).toEqual([]);
  });

  it('[P10] quotes nothing of a list without a head: it begins with a device and its password', async () => {
    const { code, err } = await addList('dev-1,correct horse\ndev-2,battery staple\n');
    expect([code, err]).toEqual([2, expect.stringContaining('line 1: expected a head')]);
    expect(err).not.toContain('correct horse');
  });

  it.each(['--replace', '--skip-bad', '--format=csv', '--hashes=sha256-prefix'])(
    '[P10] %s says something of lists only',
    async (flag) => {
      const { code, err } = await add(['dev-1', flag]);
      expect([code, err]).toEqual([2, expect.stringContaining('expected together with --from')]);
    },
  );

  it('replaces no device by a list, unless it is told to', async () => {
    await add(['dev-1', 'dev-2']);
    const before = readFileSync(file, 'utf8');
    const refused = await addList('id\ndev-2\ndev-3\n');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('line 2: dev-2 is in')]);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await addList('id\ndev-2\ndev-3\n', '--dry-run', '--replace')).out).toBe(
      '2 devices would be added\n',
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await addList('id\ndev-2\ndev-3\n', '--replace')).code).toBe(0);
    expect(ids()).toEqual(['dev-1', 'dev-2', 'dev-3']);
  });

  it('writes the passwords it made into a file for the owner only, and overwrites none', async () => {
    const secrets = path.join(folder, 'secrets');
    const { code, out, err } = await addList('id\ndev-1\ndev-2\n', '--secrets', secrets);
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain(`2 passwords are in ${secrets}`);
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    for (const line of readFileSync(secrets, 'utf8').trim().split('\n')) {
      const [id = '', password = ''] = line.split(' ');
      expect(verifyFast(Buffer.from(password), kept(id) as FastHash)).toBe(true);
    }
    const again = await add(['dev-3', '--secrets', secrets]);
    expect([again.code, again.err]).toEqual([
      2,
      expect.stringContaining('may hold passwords that are in use'),
    ]);
    expect(ids()).toEqual(['dev-1', 'dev-2']);
  });

  it('leaves no file of passwords that did not come in force', async () => {
    await add(['dev-1']);
    writeFileSync(file, 'precious');
    const secrets = path.join(folder, 'secrets');
    expect((await add(['dev-2', '--secrets', secrets])).code).toBe(2);
    expect(() => statSync(secrets)).toThrow('ENOENT');
  });

  it('[P10] says what is wrong with the list as a whole', async () => {
    const cases: [string, string][] = [
      ['', 'names no devices'],
      ['id\n', 'names no devices'],
      ['id,site\na1,b\n', 'line 1: the column "site" is not known'],
      ['id,id\na1,b\n', 'line 1: the column "id" is there twice'],
      ['id,password\na1,"open\n', 'no CSV from here on'],
      ['{"id": "a1"}\n{"id": a2}\n', 'line 2: not a JSON object'],
      ['[{"id": "a1"}, 7]', 'entry 2: not a JSON object'],
      ['{"id": "a1", "site": "x"}', 'line 1: Unrecognized key: "site"'],
      ['{"id": "a1", "password": "correct horse", "hash": "$2b$"}', 'a password and a hash'],
      ['{"password": "correct horse"}', 'line 1: id'],
    ];
    for (const [content, message] of cases) {
      const { code, err } = await addList(content);
      expect([content, code, err]).toEqual([content, 2, expect.stringContaining(message)]);
    }
    expect((await add(['--from', path.join(folder, 'missing')])).err).toContain('--from: ENOENT');
    expect((await add([])).err).toContain('expected device ids, or --from');
    expect((await add(['dev-1', '--from', list])).err).toContain('expected no device ids');
  });

  it('makes thousands of passwords at once', async () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `dev-${i}`);
    const { code, out } = await add(['--from', '-'], ['id', ...names].join('\n'));
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(5_000);
    expect(ids()).toHaveLength(5_000);
  });
});
