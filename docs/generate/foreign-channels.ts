import path from 'node:path';
import { loadContract, SHIPPED_MAPPINGS, shippedMappingNames } from '#runtime/load-contract.ts';
import { readJson } from '#runtime/load-schemas.ts';

/** The topics of one shipped mapping that become readings; what it ignores is no channel. */
export interface ForeignChannel {
  readonly source: string;
  readonly description: string;
  /** Topic patterns of docs/mapping.md. */
  readonly topics: readonly string[];
}

/** Each is loaded alone, since two of them may take the same topics. */
export function foreignChannels(): ForeignChannel[] {
  return shippedMappingNames().map((source) => {
    const { mappings } = loadContract({ mappings: [source], mappingDir: undefined, siteZone: 'UTC' });
    const file = readJson(path.join(SHIPPED_MAPPINGS, `${source}.json`), []) as {
      readonly description: string;
    };
    const topics = mappings.rules.flatMap(({ ignore, pattern }) =>
      ignore.has('topic') ? [] : [pattern.text],
    );
    return { source, description: file.description, topics: [...new Set(topics)] };
  });
}
