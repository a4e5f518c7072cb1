/** Whether a host name or address can only be this machine; IPv6 with or without the brackets of a URL. */
export function isLoopback(host: string): boolean {
  return /^(localhost|\[?::1\]?|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.test(host);
}
