import type { Writable } from "node:stream";
import { MAX_SNAP, type PacketEvent } from "../contract/packet-event.ts";
import { assert } from "../lib/assert.ts";
import type { Told } from "../protocol/handlers.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";
import type { PacketEnd, TraceMessage } from "../protocol/trace.ts";
import { filterOf, fits, type TraceFilter, wholeNumber } from "./trace-filter.ts";
import { type Links, traceLine } from "./trace-line.ts";

/** The kernel's side of watching: see `Events` in datapath/events.ts. */
export type PacketSource = {
  readonly watch: (
    watch: {
      readonly interfaces: readonly number[];
      readonly passed: boolean;
      readonly dropped: boolean;
      readonly snap: number;
    },
    until: bigint,
  ) => void;
  readonly end: () => void;
  readonly read: (most: number) => readonly PacketEvent[];
  readonly lost: () => bigint;
};

export type TraceSources = {
  readonly packets: PacketSource;
  /** The holder of an interface's slot now. */
  readonly packetEndOf: (slot: number) => PacketEnd;
  readonly links: () => Links;
  /** The slots now of the interface, or of the instance's interfaces. @throws NotFound */
  readonly slotsOf: (id: string) => readonly number[];
  /** The kernel program's clock, in nanoseconds. */
  readonly monotonicNow: () => bigint;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: (message: string, cause: unknown) => void;
};

/** How long the kernel goes on sending events when nobody renews the watch. */
const LEASE = 5_000_000_000n;
const RENEW_MILLISECONDS = 1_000;
const HELLO_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 20;
/** The longest time, in nanoseconds, to read events at a stretch: the same thread answers requests. */
const WORK = 8_000_000n;
const BATCH = 256;
/** Bytes that a slow watcher may leave unread. */
const MAX_UNREAD_BYTES = 4 << 20;
/** Enough of the frame to show TCP's flags. */
const LEAST_SNAP = 96;
const MAX_WATCHERS = 64;

type Watcher = {
  readonly id: string | undefined;
  readonly out: Writable;
  readonly frames: number;
  readonly since: bigint;
  readonly lostBefore: bigint;
  filter: TraceFilter;
  left: number;
  unread: number;
  told: number;
};

/** All watchers. The kernel sends events from when the first one joins until the last one leaves. */
export class Watchers {
  readonly #sources: TraceSources;
  readonly #all = new Set<Watcher>();
  #timers: readonly NodeJS.Timeout[] = [];
  #clockZero = 0;
  #links: Links = { uplink: 0, services: 0 };

  constructor(sources: TraceSources) {
    this.#sources = sources;
  }

  /**
   * Prepares a watch; the function returned writes it to `out` until either end stops. @throws BadQuestion,
   * NotFound
   */
  join(query: Readonly<Record<string, string>>): Told<TraceMessage, Writable> {
    const { packets, monotonicNow, slotsOf } = this.#sources;
    const { instance: id, count, frames: snap } = query;
    const filter = { ...filterOf(query), ...(id === undefined ? {} : { interfaces: new Set(slotsOf(id)) }) };
    const frames = snap === undefined ? 0 : wholeNumber("--snap", snap, MAX_SNAP);
    const left = count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("--count", count, 999_999_999);
    if (left === 0) throw new BadQuestion("--count is at least 1.");
    if (this.#all.size >= MAX_WATCHERS) throw new BadQuestion(`At most ${MAX_WATCHERS} may watch at a time.`);
    return (out) =>
      this.#begin({
        id,
        out,
        frames,
        since: monotonicNow(),
        lostBefore: packets.lost(),
        filter,
        left,
        unread: 0,
        told: 0,
      });
  }

  get count(): number {
    return this.#all.size;
  }

  /** Events that found no room in the kernel's ring since the program was loaded. */
  get lost(): bigint {
    return this.#sources.packets.lost();
  }

  close(): void {
    for (const watcher of this.#all) this.#leave(watcher, "stopped");
    assert(this.#timers.length === 0, "nobody watches any more");
  }

  #begin(watcher: Watcher): void {
    if (watcher.out.destroyed) return;
    const { now, monotonicNow } = this.#sources;
    if (this.#all.size === 0) this.#clockZero = now() - Number(monotonicNow() / 1000n) / 1000;
    this.#all.add(watcher);
    watcher.out.on("close", () => this.#leave(watcher));
    this.#renew();
    tell(watcher, { kind: "watching" });
    if (this.#timers.length > 0) return;
    const hello = (): void => {
      for (const one of this.#all) tell(one, { kind: "watching" });
    };
    this.#timers = [
      this.#every(LOOK_MILLISECONDS, () => this.#look()),
      this.#every(RENEW_MILLISECONDS, () => this.#renew()),
      this.#every(HELLO_MILLISECONDS, hello),
    ];
  }

  /** Watching must never bring the control plane down: a failure ends every watch instead. */
  #every(milliseconds: number, work: () => void): NodeJS.Timeout {
    return setInterval(() => {
      try {
        work();
      } catch (cause) {
        this.#sources.log("watching packets failed", cause);
        for (const watcher of this.#all) watcher.out.destroy();
      }
    }, milliseconds);
  }

  #renew(): void {
    const { packets, links, monotonicNow } = this.#sources;
    this.#links = links();
    for (const watcher of this.#all)
      watcher.filter = { ...watcher.filter, ...this.#interfacesOf(watcher.id) };
    packets.watch(wantedBy(this.#all), monotonicNow() + LEASE);
  }

  /** An instance that was deleted meanwhile has no interfaces, so nothing matches. */
  #interfacesOf(id: string | undefined): Pick<TraceFilter, "interfaces"> {
    if (id === undefined) return {};
    try {
      return { interfaces: new Set(this.#sources.slotsOf(id)) };
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      return { interfaces: new Set() };
    }
  }

  #look(): void {
    const { packets, monotonicNow } = this.#sources;
    const end = monotonicNow() + WORK;
    for (let full = true; full && monotonicNow() < end;) {
      const events = packets.read(BATCH);
      full = events.length === BATCH;
      for (const event of events) for (const watcher of this.#all) this.#pass(watcher, event);
    }
    for (const watcher of this.#all) tellLost(watcher, packets.lost());
  }

  #pass(watcher: Watcher, event: PacketEvent): void {
    if (event.time < watcher.since || !fits(watcher.filter, event)) return;
    if (watcher.out.writableLength > MAX_UNREAD_BYTES) {
      watcher.unread += 1;
      return;
    }
    const { packetEndOf } = this.#sources;
    tell(
      watcher,
      traceLine(event, {
        packetEndOf,
        links: this.#links,
        clockZero: this.#clockZero,
        frames: watcher.frames,
      }),
    );
    watcher.left -= 1;
    if (watcher.left === 0) this.#leave(watcher, "count");
  }

  #leave(watcher: Watcher, why?: "count" | "stopped"): void {
    if (!this.#all.delete(watcher)) return;
    if (why) {
      tell(watcher, { kind: "end", why });
      watcher.out.end();
    }
    if (this.#all.size > 0) return this.#renew();
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.#sources.packets.end();
  }
}

function tell(watcher: Watcher, message: TraceMessage): void {
  watcher.out.write(`${JSON.stringify(message)}\n`);
}

function tellLost(watcher: Watcher, lostByAll: bigint): void {
  const lost = watcher.unread + Number(lostByAll - watcher.lostBefore);
  if (lost > watcher.told) tell(watcher, { kind: "lost", packets: lost });
  watcher.told = lost;
}

/** What the kernel must send so that every watcher gets its events. */
function wantedBy(watchers: ReadonlySet<Watcher>): Parameters<PacketSource["watch"]>[0] {
  const all = [...watchers];
  const slots = new Set(all.flatMap(({ filter }) => [...(filter.interfaces ?? [])]));
  const everywhere = all.some(({ filter }) => filter.interfaces === undefined);
  const told = everywhere || slots.size > 0;
  return {
    interfaces: everywhere ? [] : [...slots],
    passed: told && all.some(({ filter }) => filter.verdict !== "dropped" && filter.reason === undefined),
    dropped: told && all.some(({ filter }) => filter.verdict !== "passed"),
    snap: Math.max(LEAST_SNAP, ...all.map(({ frames }) => frames)),
  };
}
