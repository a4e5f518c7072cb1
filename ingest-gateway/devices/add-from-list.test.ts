import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlowHash } from './credential.ts';
import { type FastHash, verifyFast } from './password-hash.ts';
import { AddedDevices } from './testing/added-devices.ts';

let under: AddedDevices;
beforeEach(() => {
  under = new AddedDevices();
});
afterEach(() => under[Symbol.dispose]());

describe('lists that npm run devices -- add --from understands', () => {
  it('takes CSV: passwords made, chosen, and hashes; limits and labels', async () => {
    const { code, out, err } = await under.addList(
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
    expect(verifyFast(Buffer.from(out.trim().split(' ')[1] ?? ''), under.kept('made-1') as FastHash)).toBe(
      true,
    );
    expect(under.kept('made-1')).toMatchObject({ labels: { site: 'north', line: '2' } });
    expect(await under.letsIn('chosen-1', ' horse, "battery"')).toBe(true);
    expect(under.kept('bridge-1')).toMatchObject({
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
    const { code } = await under.add(
      ['--from', '-'],
      lines.map((line) => `${JSON.stringify(line)}\n`).join('\n'),
    );
    expect(code).toBe(0);
    expect(await under.letsIn('a1', 'correct horse')).toBe(true);
    expect(under.kept('a1')).toMatchObject({ labels: { site: 'a' }, limits: { messagesPerSecond: 7 } });
    const { limits, labels, ...hash } = under.kept('a1') as SlowHash & { limits: object; labels: object };
    expect((await under.addList(JSON.stringify({ id: 'a3', hash, limits, labels }))).code).toBe(0);
    expect(under.kept('a3')).toEqual(under.kept('a1'));
  });

  it('takes what mosquitto_passwd made', async () => {
    const { code, err } = await under.addList(
      [
        'dev-1:$7$101$+jnd/OcQJwbyOOtO$ZJ/Sb331Q581LEY8ljG0A0AALUuWHFtlCRcwU/oSy84uQv9d/u/GNkwjTLCylE0Pq5n8E/Ps9aqgHLwk1x4qzw==',
        'dev-2:$6$HHOyvZBPkOHIJnU9$n7ulIiZszL2Gmr5ZVVLr3bMpETEIm3PpTaxVbPuv0Y/C2zZDHA0vvDxSf7ykSSfh1IofuakUzyC2AMKdQ0vL+w==',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
    expect(err).toContain('2 hashes of these are guessed fast');
    for (const id of ['dev-1', 'dev-2']) {
      expect(await under.letsIn(id, 'correct horse')).toBe(true);
      expect(await under.letsIn(id, 'correct horsf')).toBe(false);
    }
  });

  it('takes dynamic-security.json of Mosquitto, before 2.1 and since', async () => {
    const argon2 = `$argon2id$v=19$m=19456,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
    const { code } = await under.addList(
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
    expect(await under.letsIn('dev-1', 'correct horse')).toBe(true);
    expect(under.kept('dev-2')).toEqual({ algorithm: 'argon2', hash: argon2 });
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
    expect((await under.addList(csv, '--hashes', 'sha256-prefix')).code).toBe(0);
    expect((await under.addList(json, '--hashes', 'sha256-prefix')).code).toBe(0);
    expect(await under.letsIn('myuser3', 'mypassword3')).toBe(true);
    expect(await under.letsIn('myuser1', 'mypassword1')).toBe(true);
    expect(await under.letsIn('myuser1', 'mypassword3')).toBe(false);
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
      const { code, err } = await under.addList('id,hash\na,b\n', '--hashes', kind);
      expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    }
    const hex = 'c5e46903df45e5dc096dc74657610dbee8deaacae656df88a1788f1847390242';
    const unsalted = await under.addList(`id,hash\na1,${hex}\n`, '--hashes', 'sha256-prefix');
    expect(unsalted.err).toContain('line 2: a1: hash: without a salt');
    const unsaid = await under.addList(`id,hash,salt\na1,${hex},abcdefgh\n`);
    expect(unsaid.err).toContain('--hashes must say how it was made');
    const clear = await under.addList('dev-1:$6$HHOyvZBPkOHIJnU9$n7ulIiZs\ndev-2:hunter2-in-the-clear\n');
    expect(clear.err).toContain('line 2: expected "user:hash"');
    expect(clear.err).not.toContain('hunter2');
    expect(under.ids()).toEqual([]);
  });
});
