import { useEffect, useState } from 'preact/hooks';

/** Moves within the console without loading it again; the address says where one is, and can be given to others. */

const listeners = new Set<() => void>();

export function navigate(href: string, how: 'push' | 'replace' = 'push'): void {
  if (href === location.pathname + location.search) return;
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  for (const listener of listeners) listener();
}

/** The address, as it changes. */
export function useAddress(): { readonly pathname: string; readonly query: URLSearchParams } {
  const [address, setAddress] = useState(location.pathname + location.search);
  useEffect(() => {
    const listener = (): void => setAddress(location.pathname + location.search);
    listeners.add(listener);
    addEventListener('popstate', listener);
    return () => {
      listeners.delete(listener);
      removeEventListener('popstate', listener);
    };
  }, []);
  const { pathname, searchParams } = new URL(address, location.origin);
  return { pathname, query: searchParams };
}

/** For the root: clicks on links of the console stay in it. New tabs, documents and other hosts are the browser's. */
export function followLinks(event: MouseEvent): void {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = (event.target as Element).closest('a');
  const href = link?.getAttribute('href');
  if (!link || !href?.startsWith('/') || link.getAttribute('target') !== null) return;
  event.preventDefault();
  navigate(href);
}
