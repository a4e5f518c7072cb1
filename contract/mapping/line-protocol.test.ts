import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLineProtocol } from '#contract/mapping/line-protocol.ts';

describe('line protocol', () => {
  it('reads tags, fields of every kind and the time, with what is escaped', () => {
    expect(
      parseLineProtocol(
        'my\\ cpu,host=main\\ building,a\\=b=x\\,y f=1.5,i=-3i,u=4u,t=true,n=F,s="say \\"hi, a=b\\" c" 1795168800000000001\n',
      ),
    ).toEqual([
      {
        name: 'my cpu',
        tags: { host: 'main building', 'a=b': 'x,y' },
        fields: { f: 1.5, i: -3, u: 4, t: true, n: false, s: 'say "hi, a=b" c' },
        timestamp: '1795168800000000001',
      },
    ]);
  });

  it('a tag may hold a quote; comments and empty lines are nothing; a time may be missing', () => {
    expect(parseLineProtocol('# x\n\nm,disk=5" v=1\r\nm v=2')).toEqual([
      { name: 'm', tags: { disk: '5"' }, fields: { v: 1 } },
      { name: 'm', tags: {}, fields: { v: 2 } },
    ]);
  });

  it('[P5] a line that is none leaves the others alone', () => {
    expect(
      parseLineProtocol('m v="open\nm v=2\nm\nm v= 17\nm,t v=1\nm v=1 then\n,a=b v=1').map(
        (it) => it?.fields,
      ),
    ).toEqual([undefined, { v: 2 }, undefined, undefined, undefined, undefined, undefined]);
  });

  it('[P10] keys are own members, whatever they are called', () => {
    const [line] = parseLineProtocol('m,__proto__=a __proto__=1,constructor=2');
    expect(Object.keys(line?.fields ?? {})).toEqual(['__proto__', 'constructor']);
    expect(Object.keys(line?.tags ?? {})).toEqual(['__proto__']);
  });

  it('[P10] never throws', () => {
    const hostile = fc.string({ unit: fc.constantFrom('\\', '"', ' ', ',', '=', '\n', 'a', '1', 'i') });
    fc.assert(fc.property(hostile, (text) => Array.isArray(parseLineProtocol(text))));
  });
});
