/** Bytes of a topic name or filter [MQTT-4.7.3-3]. */
const MAX_BYTES = 65_535;

/**
 * Whether the text is an MQTT topic filter [MQTT-4.7.1]: `+` stands alone in its level, `#` alone in the last one. No
 * NUL, not empty.
 */
export function isTopicFilter(text: string): boolean {
  if (text === '' || text.includes('\0') || Buffer.byteLength(text) > MAX_BYTES) return false;
  const levels = text.split('/');
  return levels.every(
    (level, at) => level === '+' || (level === '#' && at === levels.length - 1) || !/[+#]/.test(level),
  );
}

/** Whether one may subscribe to it: a topic filter, or one that several clients share (`$share/group/filter`, MQTT 5, 4.8.2). */
export function isSubscription(text: string): boolean {
  if (!text.startsWith('$share/')) return isTopicFilter(text);
  const [, group, ...filter] = text.split('/');
  return group !== '' && !/[+#]/.test(group ?? '') && isTopicFilter(filter.join('/'));
}

/**
 * Whether a topic that a client publishes to is one of those of the filter. A filter that begins with a wildcard does
 * not mean topics that begin with `$` [MQTT-4.7.2-1], and nothing means a name that holds a wildcard itself.
 */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic === '' || /[+#]/.test(topic) || topic.includes('\0')) return false;
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  // `a/#` means `a`, too.
  if (wanted.at(-1) === '#' && wanted.length === levels.length + 1) wanted.pop();
  else if (wanted.at(-1) !== '#' && wanted.length !== levels.length) return false;
  return wanted.every(
    (level, at) => level === '#' || (at < levels.length && (level === '+' || level === levels[at])),
  );
}
