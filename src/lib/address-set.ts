import { type Ipv4, parseIpv4 } from "./address.ts";

/** A set of IPv4 addresses: one bit each, in pages for the /16 blocks that have any. */
export class AddressSet {
  readonly #pages = new Map<number, Uint32Array>();

  /** Whether the address is in the set; false for text that is no address. */
  has(text: string): boolean {
    const ip = parseIpv4(text);
    return ip !== undefined && ((this.#word(ip) >>> (ip & 31)) & 1) === 1;
  }

  add(ip: Ipv4): void {
    let page = this.#pages.get(ip >>> 16);
    if (!page) {
      page = new Uint32Array(1 << 11);
      this.#pages.set(ip >>> 16, page);
    }
    page[wordOf(ip)] = this.#word(ip) | (1 << (ip & 31));
  }

  delete(ip: Ipv4): void {
    const page = this.#pages.get(ip >>> 16);
    if (page) page[wordOf(ip)] = this.#word(ip) & ~(1 << (ip & 31));
  }

  #word(ip: Ipv4): number {
    return this.#pages.get(ip >>> 16)?.[wordOf(ip)] ?? 0;
  }
}

function wordOf(ip: Ipv4): number {
  return (ip >>> 5) & 0x7ff;
}
