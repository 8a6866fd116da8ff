import koffi from "koffi";
import { encodeStruct, fieldsOf, layoutOf, viewOf } from "../contract/layout.ts";
import {
  type EventFlow,
  MAX_SNAP,
  type PacketEvent,
  type Verdict,
  VERDICTS,
} from "../contract/packet-event.ts";
import { NO_POOL } from "../contract/pool.ts";
import { DROP_REASONS } from "../contract/stages.ts";
import { TRACE_SLOTS } from "../contract/trace.ts";
import { assert } from "../lib/assert.ts";
import { KernelError } from "./libbpf.ts";
import { indexKey, type KernelMap } from "./map.ts";

/**
 * User space's half of watching packets (bpf/trace.h): it says what to watch, renews the watch, and reads the
 * kernel's ring of events through shared memory.
 */

/** What the kernel sends: a first filter that may let through too much, never too little. */
export type Watch = {
  /** Slots; empty: every interface, and the internet's side. */
  readonly interfaces: readonly number[];
  readonly passed: boolean;
  readonly dropped: boolean;
  /** Bytes of each frame, at most {@link MAX_SNAP}. */
  readonly snap: number;
};

export type Events = {
  /**
   * Watches until this time of the monotonic clock, in nanoseconds; renew it before. Events already in the
   * ring are skipped.
   */
  readonly watch: (watch: Watch, until: bigint) => void;
  /** Ends the watch; harmless when it has ended. */
  readonly end: () => void;
  /** Whether the kernel sends events; false also when a watch was not renewed and a packet came since. */
  readonly active: () => boolean;
  /** The events since the last call, oldest first; `most`: their greatest number. */
  readonly read: (most: number) => readonly PacketEvent[];
  /** How many events found no room since the program was loaded. */
  readonly lost: () => bigint;
  readonly close: () => void;
};

const CONTROL = fieldsOf("trace_control");
const EVENT = fieldsOf("trace_event");
const EVENT_SIZE = layoutOf("trace_event").size;

const DROPPED = bit("drop") | bit("error");
const PASSED = bit("deliver") | bit("internet") | bit("service");

function bit(verdict: Verdict): number {
  return 1 << VERDICTS.indexOf(verdict);
}

export type EventMaps = {
  readonly trace_control: KernelMap;
  readonly trace_events: KernelMap;
  readonly trace_lost: KernelMap;
};

export function openEvents(maps: EventMaps): Events {
  let ring: Ring | undefined;
  let watching = false;
  const write = (watch: Watch, until: bigint): void =>
    maps.trace_control.update(indexKey(0), controlRow(watch, until));
  const untilNow = (): bigint => {
    const row = maps.trace_control.lookup(indexKey(0));
    return row ? CONTROL.until.read(viewOf(row), 0) : 0n;
  };
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
    active: () => untilNow() !== 0n,
    read: (most) => ring?.take(most).map(decodeEvent) ?? [],
    lost: () => maps.trace_lost.lookup(indexKey(0))?.readBigUInt64LE() ?? 0n,
    close: () => {
      ring?.close();
      ring = undefined;
    },
  };
}

function controlRow({ interfaces, passed, dropped, snap }: Watch, until: bigint): Uint8Array {
  assert(snap >= 0 && snap <= MAX_SNAP, `at most ${MAX_SNAP} bytes of a frame are told`);
  const slots = interfaces.length > TRACE_SLOTS ? [] : interfaces;
  const verdicts = (passed ? PASSED : 0) | (dropped ? DROPPED : 0);
  return encodeStruct("trace_control", { until, verdicts, snap, count: slots.length, slots, pad: 0 });
}

function decodeEvent(bytes: Buffer): PacketEvent {
  const row = viewOf(bytes);
  const captured = Math.min(EVENT.captured.read(row, 0), MAX_SNAP);
  const flow = decodeFlow(bytes, row);
  const target = EVENT.target.read(row, 0);
  return {
    time: EVENT.time.read(row, 0),
    verdict: VERDICTS[EVENT.verdict.read(row, 0)] ?? "none",
    reason: DROP_REASONS[EVENT.reason.read(row, 0)] ?? "none",
    ingress: EVENT.ingress.read(row, 0),
    // The program has looked for the interface and found that no interface has the address.
    target: target === NO_POOL ? 0 : target,
    charge: EVENT.charge.read(row, 0),
    length: EVENT.length.read(row, 0),
    frameLength: EVENT.frame_length.read(row, 0),
    ...(flow ? { flow } : {}),
    frame: bytes.subarray(EVENT.frame.offset, EVENT.frame.offset + captured),
  };
}

function decodeFlow(bytes: Buffer, row: DataView): EventFlow | undefined {
  const { offset, size } = EVENT.destination;
  if (bytes.subarray(offset, offset + size).every((byte) => byte === 0)) return undefined;
  return {
    source: EVENT.source.read(row, 0),
    destination: EVENT.destination.read(row, 0),
    sourceAfter: EVENT.source_after.read(row, 0),
    destinationAfter: EVENT.destination_after.read(row, 0),
    protocol: EVENT.protocol.read(row, 0),
    ...(EVENT.has_ports.read(row, 0)
      ? {
          ports: {
            source: EVENT.source_port.read(row, 0),
            destination: EVENT.destination_port.read(row, 0),
            type: EVENT.type.read(row, 0),
            code: EVENT.code.read(row, 0),
          },
        }
      : {}),
  };
}

/* The ring: a page that the reader writes, a page that the kernel writes, and the data, mapped twice so that no record is split. */

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const SC_PAGESIZE = 30;
const HEADER = 8;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

type Ring = {
  /** Copies of the records written since the last call, up to a number. */
  readonly take: (most: number) => Buffer[];
  /** Skips everything currently in the ring. */
  readonly skip: () => void;
  readonly close: () => void;
};

/**
 * Documentation/bpf/ringbuf.rst of the kernel; the same reading as libbpf's, without a call for each record.
 */
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
        const whole = Math.min(length, EVENT_SIZE);
        if (!(header & DISCARD))
          records.push(Buffer.from(data.subarray(place + HEADER, place + HEADER + whole)));
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

function mapMemory(
  fd: number,
  { length, protection, offset }: { length: number; protection: number; offset: number },
): Mapping {
  const { mmap, munmap } = memory();
  const address = mmap(null, length, protection, MAP_SHARED, fd, offset) as bigint | null;
  if (address === null || BigInt.asIntN(64, address) === -1n)
    throw new KernelError("map the ring of events", koffi.errno());
  return { bytes: koffi.view(address, length), unmap: () => void munmap(address, length) };
}

function bindMemory() {
  const libc = koffi.load("libc.so.6");
  return {
    mmap: libc.func(
      "void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)",
    ),
    munmap: libc.func("int munmap(void *address, size_t length)"),
    pageSize: Number(libc.func("long sysconf(int name)")(SC_PAGESIZE)),
  };
}

let bound: ReturnType<typeof bindMemory> | undefined;

function memory(): ReturnType<typeof bindMemory> {
  bound ??= bindMemory();
  return bound;
}
