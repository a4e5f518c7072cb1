/**
 * The path of a request, in the one way to write it: without the query, escapes undone, without empty parts and steps. Which
 * route answers is the router's to say; this is for what is decided about a path beside it.
 *
 * @param url as the request has it, also with a host before the path (RFC 9112, 3.2.2)
 */
export function pathOf(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] as string;
  const parts: string[] = [];
  for (const part of path.split('/').map(unescaped)) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
