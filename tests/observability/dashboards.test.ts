import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GRAFANA_DIR, readDashboards } from './dashboard-file.ts';

const dashboards = readDashboards();

/** Bookmarks and links go by these. */
const UIDS = {
  'overview.json': 'telemetry-overview',
  'ingest-gateway.json': 'telemetry-ingest-gateway',
  'processors-and-lag.json': 'telemetry-processors-and-lag',
  'devices.json': 'telemetry-devices',
};

describe('dashboards', () => {
  it('keep their addresses', () => {
    expect(Object.fromEntries([...dashboards].map(([name, { uid }]) => [name, uid]))).toEqual(UIDS);
  });

  it.each([...dashboards])(
    '%s explains every panel, with a unit, and reads the chosen data source',
    (_, dashboard) => {
      const panels = dashboard.panels.filter(({ type }) => type !== 'row');
      expect(dashboard.templating.list.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['datasource', 'runbooks']),
      );
      expect(panels.length).toBeGreaterThan(4);
      for (const panel of panels) {
        expect(panel.description, panel.title).toMatch(/\w{3}/);
        expect(panel.fieldConfig?.defaults.unit, panel.title).toBeTruthy();
        expect(panel.datasource?.uid, panel.title).toBe('$datasource');
        expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
      }
      expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    },
  );

  it.each([...dashboards])('%s has no two panels in one place', (_, { panels }) => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), `${title} covers`).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });

  it.each([...dashboards])('%s links to runbooks that exist', (_, { panels }) => {
    const links = panels.flatMap(({ links = [] }) => links.map(({ url }) => url));
    expect(links.length).toBeGreaterThan(0);
    for (const url of links) {
      const [, name] = /^\$runbooks\/(\w+\.md)$/.exec(url) ?? [];
      expect(existsSync(path.join(GRAFANA_DIR, '..', 'docs', 'runbooks', name ?? url)), url).toBe(true);
    }
  });

  it('find the data sources that are provisioned', () => {
    const { datasources } = parse(
      readFileSync(path.join(GRAFANA_DIR, 'provisioning', 'datasources', 'telemetry.yml'), 'utf8'),
    );
    const provisioned = datasources.map(({ uid }: { uid: string }) => uid).toSorted();
    const used = [...dashboards.values()].map(({ templating }) => {
      const variable = templating.list.find(({ type }) => type === 'datasource');
      return `telemetry-${variable?.query}`;
    });
    expect([...new Set(used)].toSorted()).toEqual(provisioned);
  });
});
