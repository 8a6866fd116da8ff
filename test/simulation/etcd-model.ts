/** etcd as a model: what its members together answer, one request after another. */

import {
  type Compare,
  EtcdError,
  type KeyValue,
  type Put,
  type Range,
  type Watched,
} from "../../src/store/etcd-client.ts";

type Event = Watched["events"][number];
type Made = { readonly revision: number; readonly events: readonly Event[] };
type Lease = { readonly seconds: number; ends: number };
type Bounds = { readonly key: string; readonly end?: string };

export class EtcdModel {
  readonly #keys = new Map<string, KeyValue>();
  readonly #leases = new Map<string, Lease>();
  readonly #history: Made[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #now: () => number;
  /** Called after each change. */
  readonly #made: (puts: readonly Put[]) => void;
  #revision = 1;
  #compacted = 0;
  #granted = 0;

  constructor(now: () => number, made: (puts: readonly Put[]) => void = () => undefined) {
    this.#now = now;
    this.#made = made;
  }

  get revision(): number {
    return this.#revision;
  }

  get(key: string): KeyValue | undefined {
    return this.#keys.get(key);
  }

  range({ key, end, limit, revision }: Bounds & { limit?: number; revision?: string }): Range {
    const at = revision === undefined ? this.#revision : Number(revision);
    if (at < this.#compacted) throw new EtcdError("refused", "the revision has been compacted");
    if (at > this.#revision) throw new EtcdError("refused", "the revision is a future one");
    const keys = at === this.#revision ? this.#keys : this.#keysAt(at);
    const found = [...keys.values()]
      .filter((one) => isWithin(one.key, { key, ...(end === undefined ? {} : { end }) }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const shown = limit ? found.slice(0, limit) : found;
    return { revision: String(this.#revision), found: shown, more: shown.length < found.length };
  }

  transact(compares: readonly Compare[], puts: readonly Put[]): string | undefined {
    const holds = compares.every((compare) => {
      const found = this.#keys.get(compare.key);
      return "created" in compare
        ? (found?.created ?? "0") === compare.created
        : (found?.modified ?? "0") === compare.modified;
    });
    if (!holds) return undefined;
    if (
      puts.some(({ value, lease }) => value !== undefined && lease !== undefined && !this.#leases.has(lease))
    )
      throw new EtcdError("refused", "requested lease not found");
    this.#make(puts);
    return String(this.#revision);
  }

  grant(seconds: number): string {
    const lease = String((this.#granted += 1));
    this.#leases.set(lease, { seconds, ends: this.#now() + seconds * 1_000 });
    return lease;
  }

  keepAlive(id: string): boolean {
    const lease = this.#leases.get(id);
    if (lease) lease.ends = this.#now() + lease.seconds * 1_000;
    return lease !== undefined;
  }

  revoke(id: string): void {
    if (!this.#leases.delete(id)) throw new EtcdError("refused", "requested lease not found");
    const keys = [...this.#keys.values()]
      .filter(({ lease }) => lease === id)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    this.#make(keys.map(({ key }) => ({ key, value: undefined })));
  }

  /** Ends the leases whose time is over. */
  expire(): void {
    for (const [id, { ends }] of this.#leases) if (ends <= this.#now()) this.revoke(id);
  }

  /** Forgets what was before this revision. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** What happened from the revision `from` on. @throws EtcdError `compacted` */
  since({ key, end }: Bounds, from: number): readonly Made[] {
    if (from < this.#compacted)
      throw new EtcdError("compacted", `etcd has no history before ${this.#compacted}`);
    const bounds = end === undefined ? { key } : { key, end };
    return this.#history
      .slice(Math.max(0, from - 2))
      .map(({ revision, events }) => ({
        revision,
        events: events.filter((event) => isWithin(event.key, bounds)),
      }))
      .filter(({ events }) => events.length > 0);
  }

  /** Calls back once, with the next change. Returns what ends this. */
  onChange(changed: () => void): () => void {
    this.#waiting.add(changed);
    return () => this.#waiting.delete(changed);
  }

  #keysAt(revision: number): ReadonlyMap<string, KeyValue> {
    const keys = new Map<string, KeyValue>();
    for (const made of this.#history)
      if (made.revision <= revision)
        for (const { key, now } of made.events)
          if (now) keys.set(key, now);
          else keys.delete(key);
    return keys;
  }

  #make(puts: readonly Put[]): void {
    const changing = puts.filter(({ key, value }) => value !== undefined || this.#keys.has(key));
    if (changing.length === 0) return;
    const revision = (this.#revision += 1);
    const events = changing.map(({ key, value, lease }): Event => {
      if (value === undefined) {
        this.#keys.delete(key);
        return { key, value };
      }
      const created = this.#keys.get(key)?.created ?? String(revision);
      const leased = lease === undefined ? {} : { lease };
      const now = { key, value, created, modified: String(revision), ...leased };
      this.#keys.set(key, now);
      return { key, value, now };
    });
    // Every revision has its place: the first change made revision 2.
    this.#history.push({ revision, events });
    this.#made(changing);
    for (const changed of this.#waiting) {
      this.#waiting.delete(changed);
      changed();
    }
  }
}

function isWithin(key: string, { key: start, end }: Bounds): boolean {
  return end === undefined ? key === start : key >= start && key < end;
}
