import type { FleetRequest } from './fleet-process.ts';
import { GoodFleet } from './good-fleet.ts';

let fleet: GoodFleet | undefined;

process.on('message', async (request: FleetRequest) => {
  process.send?.((await answer(request)) ?? null);
});
process.on('disconnect', () => process.exit(0));

async function answer(request: FleetRequest): Promise<unknown> {
  switch (request.ask) {
    case 'connect':
      fleet = await GoodFleet.connect(request.options);
      return;
    case 'start':
      return fleet?.start();
    case 'experience':
      return fleet?.experience();
    case 'finish':
      return fleet?.finish(request.patienceMs);
  }
}
