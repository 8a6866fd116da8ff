import { closeSync, readFileSync } from "node:fs";
import { assert } from "../lib/assert.ts";
import { attributes, bpf, BPF, errnoName, KernelError } from "./libbpf.ts";

/** A map as the object file describes it. */
export type MapShape = {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
};

/** Map types of the kernel that the code distinguishes (include/uapi/linux/bpf.h). */
const MAP_TYPE = { hash: 1, array: 2, perCpuHash: 5, lpm: 11 } as const;

const BATCH = 4096;
/** Flags of an update: create or replace the element; take the element's own lock. */
const BPF_ANY = 0;
const BPF_F_LOCK = 4;

/** An open map of the kernel. Keys and values are raw bytes; arrays are indexed by a 32-bit key. */
export class KernelMap {
  readonly shape: MapShape;
  readonly fd: number;
  /**
   * A value's bytes in user space: for a per-CPU map one value after the other, each rounded up to 8 bytes.
   */
  readonly valueBytes: number;

  constructor(fd: number, shape: MapShape) {
    this.fd = fd;
    this.shape = shape;
    this.valueBytes =
      shape.type === MAP_TYPE.perCpuHash
        ? possibleCpus() * Math.ceil(shape.valueSize / 8) * 8
        : shape.valueSize;
  }

  /** The key's value, or undefined. */
  lookup(key: Uint8Array): Buffer | undefined {
    const value = Buffer.alloc(this.valueBytes);
    const result = bpf(BPF.mapLookup, this.#element(key, value));
    if (result >= 0) return value;
    if (errnoName(result) === "ENOENT") return undefined;
    throw new KernelError(`look up in ${this.shape.name}`, result);
  }

  /** `locked`: the value begins with a lock, which is taken but not written. */
  update(key: Uint8Array, value: Uint8Array, { locked = false } = {}): void {
    assert(
      value.length === this.valueBytes,
      `a value of ${this.shape.name} has ${this.valueBytes} bytes, not ${value.length}`,
    );
    const attr = this.#element(key, value, locked ? BPF_F_LOCK : BPF_ANY);
    for (let attempt = 1; ; attempt++) {
      const result = bpf(BPF.mapUpdate, attr);
      if (result >= 0) return;
      if (!mayPass(result, attempt)) throw this.#refusal("write to", result);
    }
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    const result = bpf(BPF.mapDelete, this.#element(key));
    if (result >= 0) return true;
    if (errnoName(result) === "ENOENT") return false;
    throw new KernelError(`delete from ${this.shape.name}`, result);
  }

  /** Writes many elements, in order; `keys` and `values` are concatenated. */
  updateMany(keys: Uint8Array, values: Uint8Array, { locked = false } = {}): void {
    const { keySize } = this.shape;
    const total = keys.length / keySize;
    assert(values.length === total * this.valueBytes, `as many keys as values for ${this.shape.name}`);
    if (total === 1) return this.update(keys, values, { locked });
    let done = 0;
    let attempt = 1;
    while (done < total) {
      const [count, result] = this.#batch(BPF.mapUpdateBatch, total - done, {
        keys: keys.subarray(done * keySize),
        values: values.subarray(done * this.valueBytes),
        locked,
      });
      done += count;
      if (count > 0) attempt = 1;
      if (result >= 0 || mayPass(result, attempt++)) continue;
      if (!isUnsupported(result)) throw this.#refusal("write to", result);
      for (; done < total; done++)
        this.update(
          keys.subarray(done * keySize, (done + 1) * keySize),
          values.subarray(done * this.valueBytes, (done + 1) * this.valueBytes),
          { locked },
        );
    }
  }

  /** Deletes many keys; skips missing ones. Returns how many existed. */
  deleteMany(keys: Uint8Array): number {
    const { keySize } = this.shape;
    const total = keys.length / keySize;
    let done = 0;
    let deleted = 0;
    while (done < total) {
      const [count, result] =
        total - done > 1
          ? this.#batch(BPF.mapDeleteBatch, total - done, { keys: keys.subarray(done * keySize) })
          : [0, -1];
      done += count;
      deleted += count;
      // A batch stops at a missing key; that key is tried alone and skipped.
      if (result < 0 && done < total) {
        if (this.delete(keys.subarray(done * keySize, (done + 1) * keySize))) deleted++;
        done++;
      }
    }
    return deleted;
  }

  /** Visits every element, thousands per call. The buffers are reused: copy what you keep. */
  forEach(visit: (key: Buffer, value: Buffer) => void): void {
    this.forEachBatch((keys, values, count) => {
      const { keySize } = this.shape;
      for (let i = 0; i < count; i++) {
        visit(
          keys.subarray(i * keySize, (i + 1) * keySize),
          values.subarray(i * this.valueBytes, (i + 1) * this.valueBytes),
        );
      }
    });
  }

  /** Like {@link forEach}, a batch at a time; stops when `visit` returns false. */
  forEachBatch(visit: (keys: Buffer, values: Buffer, count: number) => boolean | void): void {
    for (const { keys, values, count } of this.batches()) if (visit(keys, values, count) === false) return;
  }

  /**
   * Like {@link forEachBatch}, for a reader that works between two batches. A batch has at most `most`
   * elements, or more when one bucket is crowded.
   */
  *batches(
    most = BATCH,
  ): Generator<{ readonly keys: Buffer; readonly values: Buffer; readonly count: number }> {
    const { keySize } = this.shape;
    let size = Math.min(most, this.shape.maxEntries);
    let keys = Buffer.alloc(size * keySize);
    let values = Buffer.alloc(size * this.valueBytes);
    let token: Buffer | undefined;
    for (;;) {
      const next = Buffer.alloc(Math.max(keySize, 4));
      const [count, result] = this.#batch(BPF.mapLookupBatch, size, {
        keys,
        values,
        out: next,
        ...(token ? { in: token } : {}),
      });
      const error = result < 0 ? errnoName(result) : "";
      if (error === "ENOSPC" && count === 0) {
        // One bucket of the hash is larger than the buffer.
        size *= 2;
        keys = Buffer.alloc(size * keySize);
        values = Buffer.alloc(size * this.valueBytes);
        continue;
      }
      if (error !== "" && error !== "ENOENT" && error !== "ENOSPC")
        throw new KernelError(`read ${this.shape.name}`, result);
      if (count > 0) yield { keys, values, count };
      if (error === "ENOENT" || (count === 0 && error === "")) return;
      token = next;
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  #element(key: Uint8Array, value?: Uint8Array, flags = BPF_ANY): Buffer {
    assert(
      key.length === this.shape.keySize,
      `a key of ${this.shape.name} has ${this.shape.keySize} bytes, not ${key.length}`,
    );
    return attributes(
      [[0, 4, this.fd], [8, 8, key], ...(value ? [[16, 8, value] as const] : []), [24, 8, flags]],
      32,
    );
  }

  /** One batch call: how many elements it processed, and its result. */
  #batch(
    command: number,
    count: number,
    at: { in?: Uint8Array; out?: Uint8Array; keys: Uint8Array; values?: Uint8Array; locked?: boolean },
  ): [number, number] {
    const attr = attributes(
      [
        [0, 8, at.in ?? 0],
        [8, 8, at.out ?? 0],
        [16, 8, at.keys],
        [24, 8, at.values ?? 0],
        [32, 4, count],
        [36, 4, this.fd],
        [40, 8, at.locked ? BPF_F_LOCK : BPF_ANY],
      ],
      56,
    );
    const result = bpf(command, attr);
    // On EFAULT the kernel leaves the count unchanged.
    const done = errnoName(result) === "EFAULT" && result < 0 ? 0 : attr.readUInt32LE(32);
    return [result < 0 && isUnsupported(result) ? 0 : done, result];
  }

  #refusal(what: string, errno: number): KernelError {
    const full = ["E2BIG", "ENOSPC", "ENOMEM"].includes(errnoName(errno));
    return new KernelError(
      `${what} ${this.shape.name}${full ? ` (room for ${this.shape.maxEntries})` : ""}`,
      errno,
    );
  }
}

const ATTEMPTS = 100;

/**
 * Whether to try again. From Linux 6.1 on, a map takes elements from a small store per CPU, which the kernel
 * fills in the background: a burst of writes can find it empty for a moment (ENOMEM). Waits a millisecond
 * then.
 */
function mayPass(result: number, attempt: number): boolean {
  if (errnoName(result) !== "ENOMEM" || attempt >= ATTEMPTS) return false;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  return true;
}

function isUnsupported(result: number): boolean {
  return (
    errnoName(result) === "ENOTSUPP" || errnoName(result) === "EOPNOTSUPP" || errnoName(result) === "EINVAL"
  );
}

let cpus: number | undefined;

/** The number of possible processors: a per-CPU map has so many values for each key. */
export function possibleCpus(): number {
  cpus ??= countCpus(readFileSync("/sys/devices/system/cpu/possible", "utf8"));
  return cpus;
}

/** The highest number of a list such as `0-3,8`, plus one. */
export function countCpus(list: string): number {
  return Math.max(...list.trim().split(/[-,]/).map(Number)) + 1;
}

/** The index that is the key at this position among an array's keys. */
export function indexAt(keys: Buffer, place: number): number {
  return keys.readUInt32LE(place * 4);
}

/** The key of an array's element. */
export function indexKey(index: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(index);
  return key;
}
