import koffi from "koffi";
import { errnoName } from "../src/datapath/libbpf.ts";
import { addressBytes, formatBytes } from "../src/lib/address.ts";
import { assert } from "../src/lib/assert.ts";

/**
 * The C library's socket calls, synchronous, for traffic generators that measure in one thread. A call costs
 * 100 to 300 ns over C's own; where that matters a batch goes in one call (`sendmmsg`). Every function throws
 * what the kernel refuses.
 */

const libc = koffi.load("libc.so.6");
const calls = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  bind: libc.func("int bind(int fd, void *address, unsigned int length)"),
  connect: libc.func("int connect(int fd, void *address, unsigned int length)"),
  listen: libc.func("int listen(int fd, int backlog)"),
  accept: libc.func("int accept(int fd, void *address, void *length)"),
  send: libc.func("long send(int fd, void *data, size_t length, int flags)"),
  recv: libc.func("long recv(int fd, void *data, size_t length, int flags)"),
  sendto: libc.func(
    "long sendto(int fd, void *data, size_t length, int flags, void *address, unsigned int size)",
  ),
  recvfrom: libc.func(
    "long recvfrom(int fd, void *data, size_t length, int flags, void *address, void *size)",
  ),
  sendmmsg: libc.func("int sendmmsg(int fd, void *messages, unsigned int count, int flags)"),
  close: libc.func("int close(int fd)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, void *value, unsigned int length)"),
  getsockopt: libc.func("int getsockopt(int fd, int level, int name, void *value, void *length)"),
  ioctl: libc.func("int ioctl(int fd, unsigned long request, void *argument)"),
  priority: libc.func("int setpriority(int which, unsigned int who, int priority)"),
  scheduler: libc.func("int sched_setscheduler(int pid, int policy, void *parameter)"),
  affinity: libc.func("int sched_setaffinity(int pid, size_t size, void *mask)"),
};

const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const EAGAIN = 11;
const SCHED_FIFO = 1;
export const MSG_DONTWAIT = 0x40;

function must(what: string, result: unknown): number {
  const number = Number(result);
  if (number < 0)
    throw new Error(
      `${what}: ${koffi.errno() === EAGAIN ? "nothing came in time" : errnoName(koffi.errno())}`,
    );
  return number;
}

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;

/** A packet(7) socket of the thread's network namespace that sends whole frames and receives none. */
export function newPacketSocket(): number {
  const fd = must("socket", calls.socket(AF_PACKET, SOCK_RAW, 0));
  flag(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  return fd;
}

/** To the device by whose index frames leave. */
export function bindRaw(fd: number, device: number): void {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  // Protocol 0: nothing is received.
  address.writeInt32LE(device, 4);
  must("bind to the device", calls.bind(fd, address, address.length));
}

export function deviceIndex(device: string): number {
  return askOf(device, SIOCGIFINDEX).readInt32LE(16);
}

export function deviceMac(device: string): string {
  return [...askOf(device, SIOCGIFHWADDR).subarray(18, 24)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(":");
}

/** `struct ifreq` of netdevice(7). */
function askOf(device: string, what: number): Buffer {
  const fd = newSocket("udp");
  try {
    const request = Buffer.alloc(40);
    request.write(device, 0, "latin1");
    must(`ask for ${device}`, calls.ioctl(fd, what, request));
    return request;
  } finally {
    closeSocket(fd);
  }
}

/** `struct sockaddr_in`, or `sockaddr_in6`. */
export function socketAddress(address: string, port: number): Buffer {
  if (address.includes(":")) {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt16LE(AF_INET6, 0);
    bytes.writeUInt16BE(port, 2);
    bytes.set(addressBytes(address), 8);
    return bytes;
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

function addressOf(bytes: Buffer): { readonly address: string; readonly port: number } {
  const port = bytes.readUInt16BE(2);
  if (bytes.readUInt16LE(0) === AF_INET6) return { address: formatBytes(bytes.subarray(8, 24)), port };
  return { address: bytes.subarray(4, 8).join("."), port };
}

/**
 * A socket of the network namespace that the thread is in, and stays in it. Blocking calls on it fail after
 * `timeout` seconds.
 */
export function newSocket(kind: "udp" | "tcp", timeout = 10, family: 4 | 6 = 4): number {
  const fd = must("socket", calls.socket(family === 6 ? AF_INET6 : AF_INET, kind === "udp" ? 2 : 1, 0));
  const time = Buffer.alloc(16);
  time.writeBigInt64LE(BigInt(timeout), 0);
  option(fd, SOL_SOCKET, SO_RCVTIMEO, time);
  option(fd, SOL_SOCKET, SO_SNDTIMEO, time);
  return fd;
}

export function bindTo(fd: number, address: string, port: number): void {
  flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const at = socketAddress(address, port);
  must(`bind ${address}:${port}`, calls.bind(fd, at, at.length));
}

export function connectTo(fd: number, to: Buffer): void {
  must("connect", calls.connect(fd, to, to.length));
}

export function listenOn(fd: number): void {
  must("listen", calls.listen(fd, 128));
}

export function acceptFrom(fd: number): number {
  return must("accept", calls.accept(fd, null, null));
}

export function sendAll(fd: number, data: Uint8Array, length = data.length): void {
  const sent = must("send", calls.send(fd, data, length, 0));
  // Only a signal cuts a blocking send short; nothing here sends one.
  assert(sent === length, `all ${length} bytes are sent, not ${sent}`);
}

/** How many bytes came, 0 at the end of a connection. Throws when none come in time. */
export function receive(fd: number, into: Uint8Array): number {
  return must("recv", calls.recv(fd, into, into.length, 0));
}

export function sendTo(fd: number, data: Uint8Array, to: Buffer): void {
  must("sendto", calls.sendto(fd, data, data.length, 0, to, to.length));
}

/** A datagram and its sender; undefined when `flags` say not to wait and there is none. */
export function receiveFrom(
  fd: number,
  into: Buffer,
  flags = 0,
): { data: Buffer; address: string; port: number } | undefined {
  const from = Buffer.alloc(28);
  const size = Buffer.from([28, 0, 0, 0]);
  const got = Number(calls.recvfrom(fd, into, into.length, flags, from, size));
  if (got < 0 && flags === MSG_DONTWAIT && koffi.errno() === EAGAIN) return undefined;
  must("recvfrom", got);
  return { data: into.subarray(0, got), ...addressOf(from) };
}

export function closeSocket(fd: number): void {
  must("close", calls.close(fd));
}

function option(fd: number, level: number, name: number, value: Buffer): void {
  must(`setsockopt ${level} ${name}`, calls.setsockopt(fd, level, name, value, value.length));
}

function flag(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  option(fd, level, name, bytes);
}

export function noDelay(fd: number): void {
  flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/**
 * The smallest receive buffer that there is: it holds two or three packets, and the rest is counted and
 * dropped.
 */
export function smallestBuffer(fd: number): void {
  flag(fd, SOL_SOCKET, SO_RCVBUF, 1);
}

const memory = Buffer.alloc(36);
const memoryLength = Buffer.alloc(4);

/**
 * Buffers of so many bytes for what is sent and received, instead of the kernel's own tuning; before the
 * connection is made.
 */
export function fixedBuffers(fd: number, bytes: number): void {
  // The kernel doubles what it is told (socket(7)).
  for (const name of [SO_SNDBUFFORCE, SO_RCVBUFFORCE]) flag(fd, SOL_SOCKET, name, bytes / 2);
}

/**
 * Packets that reached the socket and found its buffer full: `SK_MEMINFO_DROPS` of socket(7)'s SO_MEMINFO; it
 * wraps at 2³².
 */
export function dropsOf(fd: number): number {
  memoryLength.writeUInt32LE(memory.length);
  must("getsockopt SO_MEMINFO", calls.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, memoryLength));
  return memory.readUInt32LE(32);
}

/**
 * Messages prepared for `sendmmsg`, all with the same payload, each to its own destination or to the
 * connected one.
 */
export type Batch = { readonly count: number; readonly messages: Buffer; readonly keep: readonly unknown[] };

export function batchOf(payload: Buffer, count: number, destinations: readonly Buffer[] = []): Batch {
  // struct mmsghdr, 64 bytes: name, name length, iov, iov count, control, control length, flags; then the
  // length sent.
  const messages = Buffer.alloc(64 * count);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(koffi.address(payload)), 0);
  vector.writeBigUInt64LE(BigInt(payload.length), 8);
  for (let index = 0; index < count; index += 1) {
    const to = destinations[index % Math.max(1, destinations.length)];
    if (to) {
      messages.writeBigUInt64LE(BigInt(koffi.address(to)), index * 64);
      messages.writeUInt32LE(16, index * 64 + 8);
    }
    messages.writeBigUInt64LE(BigInt(koffi.address(vector)), index * 64 + 16);
    messages.writeBigUInt64LE(1n, index * 64 + 24);
  }
  return { count, messages, keep: [payload, vector, destinations] };
}

/** As many messages as frames, for a packet socket that is bound to its device. */
export function frameBatch(frames: readonly Buffer[]): Batch {
  const messages = Buffer.alloc(64 * frames.length);
  const vectors = frames.map((frame) => {
    const vector = Buffer.alloc(16);
    vector.writeBigUInt64LE(BigInt(koffi.address(frame)), 0);
    vector.writeBigUInt64LE(BigInt(frame.length), 8);
    return vector;
  });
  for (const [index, vector] of vectors.entries()) {
    messages.writeBigUInt64LE(BigInt(koffi.address(vector)), index * 64 + 16);
    messages.writeBigUInt64LE(1n, index * 64 + 24);
  }
  return { count: frames.length, messages, keep: [frames, vectors] };
}

/** How many of the messages went out. */
export function sendBatch(fd: number, batch: Batch): number {
  return must("sendmmsg", calls.sendmmsg(fd, batch.messages, batch.count, 0));
}

/**
 * Keeps this thread (and no other of the process) on one processor, before whatever else wants to run there:
 * in real time where that is allowed, else at the highest priority. In real time the kernel leaves others a
 * twentieth.
 */
export function pinTo(cpu: number): void {
  const mask = Buffer.alloc(128);
  mask.writeUInt8(1 << (cpu & 7), cpu >> 3);
  must(`sched_setaffinity ${cpu}`, calls.affinity(0, mask.length, mask));
  const lowest = Buffer.from([1, 0, 0, 0]);
  if (Number(calls.scheduler(0, SCHED_FIFO, lowest)) < 0) must("setpriority", calls.priority(0, 0, -19));
}

const SIOCETHTOOL = 0x8946;
/**
 * Commands of linux/ethtool.h that set one feature each: TCP segmentation, generic segmentation, generic
 * receive offload.
 */
const SET_OFFLOADS = { tso: 0x1f, gso: 0x24, gro: 0x2c } as const;

/** Turns features of a device of the thread's namespace on or off, as `ethtool -K` does. */
export function setOffloads(
  device: string,
  offloads: Partial<Record<keyof typeof SET_OFFLOADS, boolean>>,
): void {
  const fd = newSocket("udp");
  try {
    for (const [name, on] of Object.entries(offloads)) {
      const value = Buffer.alloc(8);
      value.writeUInt32LE(SET_OFFLOADS[name as keyof typeof SET_OFFLOADS], 0);
      value.writeUInt32LE(on ? 1 : 0, 4);
      const request = Buffer.alloc(40);
      request.write(device, 0, "latin1");
      request.writeBigUInt64LE(BigInt(koffi.address(value)), 16);
      must(`ethtool ${device} ${name}`, calls.ioctl(fd, SIOCETHTOOL, request));
    }
  } finally {
    closeSocket(fd);
  }
}
