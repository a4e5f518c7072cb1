/** Topics whose name is lost are known by what they hold, until somebody asks for one of that kind. */
export function namelessTopic(kind: 'plain' | 'shared' | 'compact', id: number | '%'): string {
  return `(name lost) ${kind} ${id}`;
}
