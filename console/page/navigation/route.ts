/** Which page an address is. Pure. */
export type Route =
  | { readonly page: 'flow' | 'devices' | 'letters' | 'trace' | 'schemas' | 'mappings' | 'login' | 'nowhere' }
  | { readonly page: 'device' | 'letter' | 'schema'; readonly id: string };

const PAGES: Readonly<Record<string, Route>> = {
  '/': { page: 'flow' },
  '/devices': { page: 'devices' },
  '/dead-letters': { page: 'letters' },
  '/trace': { page: 'trace' },
  '/schemas': { page: 'schemas' },
  '/mappings': { page: 'mappings' },
  '/login': { page: 'login' },
};

const WITH_ID = { device: '/devices/', letter: '/dead-letters/', schema: '/schemas/' } as const;

export function routeOf(pathname: string): Route {
  const known = PAGES[pathname === '/' ? pathname : pathname.replace(/\/+$/, '')];
  if (known !== undefined) return known;
  for (const page of ['device', 'letter', 'schema'] as const) {
    if (!pathname.startsWith(WITH_ID[page])) continue;
    const id = decoded(pathname.slice(WITH_ID[page].length));
    if (id !== undefined) return { page, id };
  }
  return { page: 'nowhere' };
}

export function deviceHref(id: string): string {
  return `${WITH_ID.device}${segment(id)}`;
}

export function letterHref(id: string): string {
  return `${WITH_ID.letter}${segment(id)}`;
}

/** @param name `environment/1` */
export function schemaHref(name: string): string {
  return `${WITH_ID.schema}${name.split('/').map(segment).join('/')}`;
}

export function traceHref(
  device: string,
  wanted: { readonly seq?: number | null; readonly at?: number | null },
): string {
  const query = new URLSearchParams({ device });
  if (typeof wanted.seq === 'number') query.set('seq', String(wanted.seq));
  else if (typeof wanted.at === 'number') query.set('at', String(wanted.at));
  return `/trace?${query}`;
}

/** A name that strangers chose, as one word of a filter: a comma would make two of it. */
export function oneWord(name: string): string {
  return name.replace(/[\\,]|^\s|\s$/g, '\\$&');
}

export function lettersHref(filter: Readonly<Record<string, string | number | undefined>>): string {
  return withQuery('/dead-letters', filter);
}

/** What is empty is left out. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** As a part of a path. A browser takes `.` and `..` for steps, so they are written in a way that the server knows. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

function decoded(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
