import koffi from "koffi";
import { assert } from "../lib/assert.ts";
import { formatAddress } from "../lib/ip.ts";
import { type EventFlow, MAX_SNAP, type PacketEvent, type Verdict, VERDICTS } from "../plan/packet-event.ts";
import { DROP_REASONS } from "../plan/stages.ts";
import { KernelError } from "./libbpf.ts";
import { indexKey, type KernelMap } from "./map.ts";

/**
 * User space's half of watching packets (bpf/trace.h): it writes what is watched, renews the watch, and reads the
 * kernel's ring of events through shared memory.
 */

/** What the kernel tells of; a first sieve that may let too much through, never too little. */
export type Watch = {
  /** Slots; empty: every interface, and the internet's side. */
  readonly interfaces: readonly number[];
  readonly passed: boolean;
  readonly dropped: boolean;
  /** Bytes of each frame, at most {@link MAX_SNAP}. */
  readonly snap: number;
};

export type Events = {
  /** Watches until that time of the monotonic clock, in nanoseconds: to be renewed before. What the ring holds from before is left out. */
  readonly watch: (watch: Watch, until: bigint) => void;
  /** Ends the watch. Again is harmless. */
  readonly end: () => void;
  /** Whether the kernel tells of packets; false also when a watch was not renewed and a packet came since. */
  readonly active: () => boolean;
  /** The events since the last call, oldest first, at most so many. */
  readonly read: (most: number) => readonly PacketEvent[];
  /** How many found no room since the program was loaded. */
  readonly lost: () => bigint;
  readonly close: () => void;
};

/** The kernel filters for so many interfaces; with more it tells of all. */
const MAX_SLOTS = 8;

/** Offsets of `struct trace_control` and `struct trace_event`. */
const CONTROL = { until: 0, verdicts: 8, snap: 12, count: 16, slots: 20, size: 56 } as const;
const EVENT = {
  time: 0,
  ingress: 8,
  target: 12,
  charge: 16,
  length: 20,
  frameLength: 24,
  captured: 28,
  source: 32,
  destination: 48,
  sourceAfter: 64,
  destinationAfter: 80,
  sourcePort: 96,
  destinationPort: 98,
  reason: 100,
  verdict: 102,
  protocol: 103,
  hasPorts: 104,
  type: 105,
  code: 106,
  frame: 112,
  size: 112 + MAX_SNAP,
} as const;

const ADDRESS = 16;

/** In place of a slot, where the program has looked for one and found that the address is nobody's. */
const NOBODY = 0xffff_ffff;
const DROPPED = bit("drop") | bit("error");
const PASSED = bit("deliver") | bit("internet") | bit("service");

function bit(verdict: Verdict): number {
  return 1 << VERDICTS.indexOf(verdict);
}

export type EventMaps = { readonly trace_control: KernelMap; readonly trace_events: KernelMap; readonly trace_lost: KernelMap };

export function openEvents(maps: EventMaps): Events {
  assert(maps.trace_control.shape.valueSize === CONTROL.size, "the layout of trace_control is known");
  let ring: Ring | undefined;
  let watching = false;
  const write = (watch: Watch, until: bigint): void => maps.trace_control.update(indexKey(0), controlRow(watch, until));
  return {
    watch: (watch, until) => {
      ring ??= openRing(maps.trace_events);
      if (!watching) ring.skip();
      watching = true;
      write(watch, until);
    },
    end: () => {
      if (watching) write({ interfaces: [], passed: false, dropped: false, snap: 0 }, 0n);
      watching = false;
    },
    active: () => (maps.trace_control.lookup(indexKey(0))?.readBigUInt64LE(CONTROL.until) ?? 0n) !== 0n,
    read: (most) => ring?.take(most).map(decodeEvent) ?? [],
    lost: () => maps.trace_lost.lookup(indexKey(0))?.readBigUInt64LE() ?? 0n,
    close: () => {
      ring?.close();
      ring = undefined;
    },
  };
}

function controlRow({ interfaces, passed, dropped, snap }: Watch, until: bigint): Buffer {
  assert(snap >= 0 && snap <= MAX_SNAP, `at most ${MAX_SNAP} bytes of a frame are told`);
  const row = Buffer.alloc(CONTROL.size);
  const slots = interfaces.length > MAX_SLOTS ? [] : interfaces;
  row.writeBigUInt64LE(until, CONTROL.until);
  row.writeUInt32LE((passed ? PASSED : 0) | (dropped ? DROPPED : 0), CONTROL.verdicts);
  row.writeUInt32LE(snap, CONTROL.snap);
  row.writeUInt32LE(slots.length, CONTROL.count);
  for (const [place, slot] of slots.entries()) row.writeUInt32LE(slot, CONTROL.slots + 4 * place);
  return row;
}

function decodeEvent(row: Buffer): PacketEvent {
  const captured = Math.min(row.readUInt32LE(EVENT.captured), MAX_SNAP);
  const flow = decodeFlow(row);
  const target = row.readUInt32LE(EVENT.target);
  return {
    time: row.readBigUInt64LE(EVENT.time),
    verdict: VERDICTS[row.readUInt8(EVENT.verdict)] ?? "none",
    reason: DROP_REASONS[row.readUInt16LE(EVENT.reason)] ?? "none",
    ingress: row.readUInt32LE(EVENT.ingress),
    target: target === NOBODY ? 0 : target,
    charge: row.readUInt32LE(EVENT.charge),
    length: row.readUInt32LE(EVENT.length),
    frameLength: row.readUInt32LE(EVENT.frameLength),
    ...(flow ? { flow } : {}),
    frame: row.subarray(EVENT.frame, EVENT.frame + captured),
  };
}

function decodeFlow(row: Buffer): EventFlow | undefined {
  if (row.subarray(EVENT.destination, EVENT.destination + ADDRESS).every((byte) => byte === 0)) return undefined;
  const address = (at: number): string => formatAddress(row.subarray(at, at + ADDRESS));
  return {
    source: address(EVENT.source),
    destination: address(EVENT.destination),
    sourceAfter: address(EVENT.sourceAfter),
    destinationAfter: address(EVENT.destinationAfter),
    protocol: row.readUInt8(EVENT.protocol),
    ...(row.readUInt8(EVENT.hasPorts)
      ? {
          ports: {
            source: row.readUInt16LE(EVENT.sourcePort),
            destination: row.readUInt16LE(EVENT.destinationPort),
            type: row.readUInt8(EVENT.type),
            code: row.readUInt8(EVENT.code),
          },
        }
      : {}),
  };
}

/* The ring: a page that the reader writes, a page that the kernel writes, and the data, mapped twice so that no record breaks. */

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const SC_PAGESIZE = 30;
const HEADER = 8;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

type Ring = {
  /** Copies of the records written since, at most so many. */
  readonly take: (most: number) => Buffer[];
  /** Leaves out what is there. */
  readonly skip: () => void;
  readonly close: () => void;
};

/** Documentation/bpf/ringbuf.rst of the kernel; the same reading as libbpf's, without a call for each record. */
function openRing(map: KernelMap): Ring {
  const size = map.shape.maxEntries;
  const page = memory().pageSize;
  const reader = mapMemory(map.fd, { length: page, protection: PROT_READ | PROT_WRITE, offset: 0 });
  const writer = mapMemory(map.fd, { length: page + 2 * size, protection: PROT_READ, offset: page });
  const consumed = new BigInt64Array(reader.bytes, 0, 1);
  const produced = new BigInt64Array(writer.bytes, 0, 1);
  const headers = new Int32Array(writer.bytes, page, (2 * size) / 4);
  const data = Buffer.from(writer.bytes, page);
  return {
    take: (most) => {
      const records: Buffer[] = [];
      const end = Atomics.load(produced, 0);
      let at = Atomics.load(consumed, 0);
      while (at < end && records.length < most) {
        const place = Number(at % BigInt(size));
        const header = Atomics.load(headers, place / 4) >>> 0;
        if (header & BUSY) break;
        const length = header & ~(BUSY | DISCARD);
        const whole = Math.min(length, EVENT.size);
        if (!(header & DISCARD)) records.push(Buffer.from(data.subarray(place + HEADER, place + HEADER + whole)));
        at += BigInt(Math.ceil((length + HEADER) / 8) * 8);
      }
      Atomics.store(consumed, 0, at);
      return records;
    },
    skip: () => void Atomics.store(consumed, 0, Atomics.load(produced, 0)),
    close: () => {
      reader.unmap();
      writer.unmap();
    },
  };
}

type Mapping = { readonly bytes: ArrayBuffer; readonly unmap: () => void };

function mapMemory(fd: number, { length, protection, offset }: { length: number; protection: number; offset: number }): Mapping {
  const { mmap, munmap } = memory();
  const address = mmap(null, length, protection, MAP_SHARED, fd, offset) as bigint | null;
  if (address === null || BigInt.asIntN(64, address) === -1n) throw new KernelError("map the ring of events", koffi.errno());
  return { bytes: koffi.view(address, length), unmap: () => void munmap(address, length) };
}

function bindMemory() {
  const libc = koffi.load("libc.so.6");
  return {
    mmap: libc.func("void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)"),
    munmap: libc.func("int munmap(void *address, size_t length)"),
    pageSize: Number(libc.func("long sysconf(int name)")(SC_PAGESIZE)),
  };
}

let bound: ReturnType<typeof bindMemory> | undefined;

function memory(): ReturnType<typeof bindMemory> {
  bound ??= bindMemory();
  return bound;
}
