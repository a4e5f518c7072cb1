import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FastHash, verifyFast } from './password-hash.ts';
import { AddedDevices } from './testing/added-devices.ts';

let under: AddedDevices;
beforeEach(() => {
  under = new AddedDevices();
});
afterEach(() => under[Symbol.dispose]());

describe('npm run devices -- add', () => {
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
    const { code, err } = await under.addList(bad);
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
    expect(under.ids()).toEqual([]);
  });

  it('adds the good lines when it is told to, and says that it was not all', async () => {
    const { code, err } = await under.addList(bad, '--skip-bad');
    expect(code).toBe(1);
    expect(err).toContain('line 3: not a device id');
    expect(err).toContain('2 devices added');
    expect(under.ids()).toEqual(['good-1', 'good-2']);
  });

  it('leaves what is not named as it is of a device that gets another password, by name or by a list', async () => {
    await under.add([
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
    const { labels, limits, silentAfterSeconds, hash } = under.kept('dev-1') as unknown as Record<
      string,
      unknown
    >;
    const terms = { labels, limits, silentAfterSeconds };
    expect(await under.add(['dev-1'])).toMatchObject({ code: 0, err: expect.stringContaining('already') });
    expect(under.kept('dev-1')).toMatchObject(terms);
    expect(under.kept('dev-1')).not.toMatchObject({ hash });
    // What it may publish for others is a right, and given anew.
    expect(under.kept('dev-1')).not.toHaveProperty('forwards');
    expect((await under.addList('id,labels.line\ndev-1,2\n', '--replace')).code).toBe(0);
    expect(under.kept('dev-1')).toMatchObject({ ...terms, labels: { site: 'a', line: '2' } });
  });

  it('[P10] writes no limits that contradict each other, wherever each of them was named', async () => {
    await under.add(['dev-1', '--burst', '50']);
    const before = readFileSync(under.file, 'utf8');
    for (const refused of [
      await under.add(['dev-1', '--messages-per-second', '100']),
      await under.addList('id,limits.messagesPerSecond\ndev-2,100\n', '--burst', '50'),
    ]) {
      expect([refused.code, refused.err]).toEqual([
        2,
        expect.stringContaining('limits.burst must not be below messagesPerSecond'),
      ]);
      expect(readFileSync(under.file, 'utf8')).toBe(before);
    }
  });

  it.each([
    ['Latin-1', Buffer.from('id,password\ndev-1,gr\xfcnes Haus\n', 'latin1'), 'line 2 is not UTF-8 text'],
    ['UTF-16', Buffer.from('\uFEFFid,password\r\ndev-1,green house\r\n', 'utf16le'), 'it is UTF-16 text'],
  ])('[P10] refuses a list in %s: its passwords would be others', async (_, bytes, told) => {
    const { code, err } = await under.addList(bytes);
    expect([code, err]).toEqual([2, expect.stringContaining(told)]);
    expect(under.ids()).toEqual([]);
  });

  it('[P10] quotes nothing of a list without a head: it begins with a device and its password', async () => {
    const { code, err } = await under.addList('dev-1,correct horse\ndev-2,battery staple\n');
    expect([code, err]).toEqual([2, expect.stringContaining('line 1: expected a head')]);
    expect(err).not.toContain('correct horse');
  });

  it.each(['--replace', '--skip-bad', '--format=csv', '--hashes=sha256-prefix'])(
    '[P10] %s says something of lists only',
    async (flag) => {
      const { code, err } = await under.add(['dev-1', flag]);
      expect([code, err]).toEqual([2, expect.stringContaining('expected together with --from')]);
    },
  );

  it('replaces no device by a list, unless it is told to', async () => {
    await under.add(['dev-1', 'dev-2']);
    const before = readFileSync(under.file, 'utf8');
    const refused = await under.addList('id\ndev-2\ndev-3\n');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('line 2: dev-2 is in')]);
    expect(readFileSync(under.file, 'utf8')).toBe(before);
    expect((await under.addList('id\ndev-2\ndev-3\n', '--dry-run', '--replace')).out).toBe(
      '2 devices would be added\n',
    );
    expect(readFileSync(under.file, 'utf8')).toBe(before);
    expect((await under.addList('id\ndev-2\ndev-3\n', '--replace')).code).toBe(0);
    expect(under.ids()).toEqual(['dev-1', 'dev-2', 'dev-3']);
  });

  it('writes the passwords it made into a file for the owner only, and overwrites none', async () => {
    const secrets = path.join(under.folder, 'secrets');
    const { code, out, err } = await under.addList('id\ndev-1\ndev-2\n', '--secrets', secrets);
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain(`2 passwords are in ${secrets}`);
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    for (const line of readFileSync(secrets, 'utf8').trim().split('\n')) {
      const [id = '', password = ''] = line.split(' ');
      expect(verifyFast(Buffer.from(password), under.kept(id) as FastHash)).toBe(true);
    }
    const again = await under.add(['dev-3', '--secrets', secrets]);
    expect([again.code, again.err]).toEqual([
      2,
      expect.stringContaining('may hold passwords that are in use'),
    ]);
    expect(under.ids()).toEqual(['dev-1', 'dev-2']);
  });

  it('leaves no file of passwords that did not come in force', async () => {
    await under.add(['dev-1']);
    writeFileSync(under.file, 'precious');
    const secrets = path.join(under.folder, 'secrets');
    expect((await under.add(['dev-2', '--secrets', secrets])).code).toBe(2);
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
      const { code, err } = await under.addList(content);
      expect([content, code, err]).toEqual([content, 2, expect.stringContaining(message)]);
    }
    expect((await under.add(['--from', path.join(under.folder, 'missing')])).err).toContain('--from: ENOENT');
    expect((await under.add([])).err).toContain('expected device ids, or --from');
    expect((await under.add(['dev-1', '--from', under.list])).err).toContain('expected no device ids');
  });

  it('makes thousands of passwords at once', async () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `dev-${i}`);
    const { code, out } = await under.add(['--from', '-'], ['id', ...names].join('\n'));
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(5_000);
    expect(under.ids()).toHaveLength(5_000);
  });
});
