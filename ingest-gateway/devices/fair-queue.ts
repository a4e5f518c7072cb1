/**
 * Work that waits, given out in turns: first among addresses, then among the devices of an address. However much one
 * address or one device asks for, another one waits for one piece of it and not for all.
 */
export class FairQueue<Work> {
  /** In the order of their turns: who had one goes to the end. */
  readonly #addresses = new Map<string, { readonly devices: Map<string, Work[]>; size: number }>();
  readonly #perDevice: number;
  readonly #capacity: number;
  #size = 0;

  /**
   * @param capacity pieces that wait altogether.
   * @param perDevice pieces of one device from one address that wait.
   */
  constructor(capacity: number, perDevice: number) {
    this.#capacity = capacity;
    this.#perDevice = perDevice;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false when there is no room. */
  push(address: string, deviceId: string, work: Work): boolean {
    if (this.#size >= this.#capacity) return false;
    const of = getOrSet(this.#addresses, address, () => ({ devices: new Map<string, Work[]>(), size: 0 }));
    const waiting = getOrSet(of.devices, deviceId, () => []);
    if (waiting.length >= this.#perDevice) return false;
    waiting.push(work);
    of.size++;
    this.#size++;
    return true;
  }

  /** The piece whose turn it is. */
  shift(): Work | undefined {
    const [address, of] = firstOf(this.#addresses) ?? [];
    if (address === undefined || of === undefined) return undefined;
    const { devices } = of;
    const [deviceId, waiting] = firstOf(devices) as [string, Work[]];
    const work = waiting.shift();
    of.size--;
    this.#size--;
    devices.delete(deviceId);
    if (waiting.length > 0) devices.set(deviceId, waiting);
    this.#addresses.delete(address);
    if (devices.size > 0) this.#addresses.set(address, of);
    return work;
  }
}

function firstOf<Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined {
  for (const entry of map) return entry;
  return undefined;
}

function getOrSet<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
