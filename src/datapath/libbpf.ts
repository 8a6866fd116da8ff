import { endianness } from "node:os";
import koffi from "koffi";
import { assert } from "../lib/assert.ts";

/**
 * The bpf(2) system call, and the few functions of libbpf that load an object file (libbpf.so.1; Debian 12
 * has 1.1). Everything here blocks the calling thread, from microseconds to (loading) tens of milliseconds.
 */

assert(endianness() === "LE", "the machine is little-endian");

/** A refusal of the kernel; `errno` is its symbolic name, `cause` libbpf's log when there is one. */
export class KernelError extends Error {
  readonly errno: string;
  constructor(what: string, errno: number, log?: string) {
    const name = errnoName(errno);
    super(`${what}: ${name}`, log ? { cause: new Error(log.trim()) } : {});
    this.name = "KernelError";
    this.errno = name;
  }
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(koffi.os.errno).map(([name, number]) => [number, name]),
);

export function errnoName(errno: number): string {
  return (
    ERRNO_NAMES.get(Math.abs(errno)) ?? (Math.abs(errno) === 524 ? "ENOTSUPP" : `errno ${Math.abs(errno)}`)
  );
}

const libc = koffi.load("libc.so.6");
const systemCall = libc.func("long syscall(long number, long a, void *b, unsigned int c)");
/** The number of bpf(2). */
const SYSCALL = { x64: 321, arm64: 280 }[process.arch as "x64" | "arm64"];

/** Commands of bpf(2), include/uapi/linux/bpf.h. */
export const BPF = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  objPin: 6,
  objGet: 7,
  progTestRun: 10,
  objGetInfo: 15,
  mapLookupBatch: 24,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  linkDetach: 34,
} as const;

/**
 * One field of `union bpf_attr`: offset, width in bytes, and a number or the buffer whose address goes there.
 */
export type AttrField = readonly [offset: number, width: 4 | 8, value: number | bigint | Uint8Array];

/** A prepared `union bpf_attr`. The buffers it points to must stay alive as long as it is used. */
export function attributes(fields: readonly AttrField[], size = 128): Buffer {
  const attr = Buffer.alloc(size);
  for (const [offset, width, value] of fields) {
    if (typeof value === "object") attr.writeBigUInt64LE(BigInt(koffi.address(value)), offset);
    else if (width === 4) attr.writeUInt32LE(Number(value), offset);
    else attr.writeBigUInt64LE(BigInt(value), offset);
  }
  return attr;
}

/** The call itself: its result, or the negative errno. */
export function bpf(command: number, attr: Buffer): number {
  assert(SYSCALL !== undefined, `the processor is x64 or arm64, not ${process.arch}`);
  const result = Number(systemCall(SYSCALL, command, attr, attr.length));
  return result < 0 ? -koffi.errno() : result;
}

/** Like {@link bpf}, but throws when the kernel refuses. */
export function mustBpf(what: string, command: number, fields: readonly AttrField[]): number {
  const result = bpf(command, attributes(fields));
  if (result < 0) throw new KernelError(what, result);
  return result;
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Pins a map, program or link at a path of a bpffs. */
export function pin(fd: number, path: string): void {
  mustBpf(`pin ${path}`, BPF.objPin, [
    [0, 8, cString(path)],
    [8, 4, fd],
  ]);
}

/** Opens what is pinned at the path; undefined when nothing is there. The caller closes the descriptor. */
export function openPinned(path: string): number | undefined {
  const name = cString(path);
  const fd = bpf(BPF.objGet, attributes([[0, 8, name]]));
  if (fd >= 0) return fd;
  if (errnoName(fd) === "ENOENT") return undefined;
  throw new KernelError(`open ${path}`, fd);
}

/** `struct bpf_link_info`, `bpf_map_info` or `bpf_prog_info` of a descriptor, raw. */
export function objectInfo(fd: number, size = 80): Buffer {
  const info = Buffer.alloc(size);
  mustBpf("object info", BPF.objGetInfo, [
    [0, 4, fd],
    [4, 4, size],
    [8, 8, info],
  ]);
  return info;
}

/* libbpf */

function bindLibbpf(): ReturnType<typeof koffi.load> {
  try {
    return koffi.load("libbpf.so.1");
  } catch (cause) {
    throw new Error("libbpf.so.1 is missing: apt-get install libbpf1", { cause });
  }
}

function bindFunctions() {
  const lib = bindLibbpf();
  return {
    setPrint: lib.func("void *libbpf_set_print(void *callback)"),
    open: lib.func("void *bpf_object__open_file(const char *path, void *opts)"),
    load: lib.func("int bpf_object__load(void *object)"),
    close: lib.func("void bpf_object__close(void *object)"),
    findMap: lib.func("void *bpf_object__find_map_by_name(void *object, const char *name)"),
    findProgram: lib.func("void *bpf_object__find_program_by_name(void *object, const char *name)"),
    mapFd: lib.func("int bpf_map__fd(void *map)"),
    reuse: lib.func("int bpf_map__reuse_fd(void *map, int fd)"),
    setMaxEntries: lib.func("int bpf_map__set_max_entries(void *map, unsigned int max)"),
    maxEntries: lib.func("unsigned int bpf_map__max_entries(void *map)"),
    keySize: lib.func("unsigned int bpf_map__key_size(void *map)"),
    valueSize: lib.func("unsigned int bpf_map__value_size(void *map)"),
    mapType: lib.func("int bpf_map__type(void *map)"),
    programFd: lib.func("int bpf_program__fd(void *program)"),
    hookCreate: lib.func("int bpf_tc_hook_create(void *hook)"),
    hookDestroy: lib.func("int bpf_tc_hook_destroy(void *hook)"),
    tcAttach: lib.func("int bpf_tc_attach(void *hook, void *opts)"),
  };
}

let bound: ReturnType<typeof bindFunctions> | undefined;

/** libbpf's functions, loaded on first use so that machines without it can run everything else. */
export function libbpf(): ReturnType<typeof bindFunctions> {
  bound ??= bindFunctions();
  return bound;
}

const printPrototype = koffi.proto("int genkan_libbpf_print(int level, const char *format, void *arguments)");
const vsnprintf = libc.func("int vsnprintf(void *buffer, size_t size, const char *format, void *arguments)");

/** Runs `work` with libbpf's messages (the verifier's log among them) collected instead of printed. */
export function withLibbpfLog<T>(work: (log: () => string) => T): T {
  const lines: string[] = [];
  const buffer = Buffer.alloc(1 << 16);
  const callback = koffi.register((level: number, format: string, args: unknown) => {
    if (level > 1) return 0;
    const length = Number(vsnprintf(buffer, buffer.length, format, args));
    lines.push(buffer.toString("utf8", 0, Math.min(length, buffer.length - 1)));
    return length;
  }, koffi.pointer(printPrototype));
  libbpf().setPrint(callback);
  try {
    return work(() => lines.join(""));
  } finally {
    libbpf().setPrint(null);
    koffi.unregister(callback);
  }
}
