import { describe, expect, it } from 'vitest';
import { ATTACKS } from './attacks/all.ts';
import { drill } from './drill.ts';

/** Of what is due; `npm run security-drill` measures it on a quiet machine, where it is above 0.95. */
const LEAST_SHARE = 0.8;
/** Of first logins: hashes that take long do so on the processors that the attackers share with us. */
const LEAST_LOGINS = 0.5;

describe('an attack harms only the attacker [P10]', () => {
  for (const attack of ATTACKS)
    it(`${attack.name}: ${attack.what}`, async () => {
      const options = { goodDevices: 50, rate: 4, beforeMs: 3_000, attackMs: 5_000, afterMs: 2_000 };
      const finish = await drill(attack, options);
      const result = await finish();
      const said = JSON.stringify(result);
      expect(result, said).toMatchObject({ alive: true, booksClose: true, lost: 0 });
      expect(result.shareDuring, said).toBeGreaterThan(LEAST_SHARE);
      expect(result.seen, said).toBeGreaterThan(0);
      if (result.logins !== undefined)
        expect(result.logins.right / result.logins.tried, said).toBeGreaterThan(LEAST_LOGINS);
    });
});
