/**
 * Capture files for Wireshark: pcapng, "PCAP Next Generation Dump File Format" (draft-ietf-opsawg-pcapng).
 * Every function returns a whole block, so that a pipe can be read along.
 */

export type CapturedPacket = {
  /** The number of an interface that was described before, from 0. */
  readonly interface: number;
  /** Microseconds since 1970. */
  readonly time: bigint;
  /** The first bytes of the frame, Ethernet header included. */
  readonly frame: Uint8Array;
  /** Bytes of the whole frame. */
  readonly length: number;
  readonly comment: string;
  /** What the program in the kernel returned: TC_ACT_SHOT or TC_ACT_REDIRECT. */
  readonly action: "dropped" | "redirected";
};

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
const OPTION = { comment: 1, userApplication: 4, interfaceName: 2, resolution: 9, verdict: 7 } as const;
const MICROSECONDS = 6;
/** The kind of a verdict: what an eBPF program at a tc hook returned, eight bytes. */
const VERDICT_TC = 1;
const TC_ACT = { dropped: 2n, redirected: 7n } as const;

/** The file's beginning. */
export function sectionBlock(application: string): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER, 0);
  body.writeUInt16LE(1, 4);
  body.writeUInt16LE(0, 6);
  // The section's length is not known beforehand.
  body.writeBigInt64LE(-1n, 8);
  return block(SECTION, body, [option(OPTION.userApplication, Buffer.from(application))]);
}

/** Describes an interface; the first one is number 0. `snap`: most bytes of a frame. */
export function interfaceBlock(name: string, snap: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(LINKTYPE_ETHERNET, 0);
  body.writeUInt32LE(snap, 4);
  return block(INTERFACE, body, [
    option(OPTION.interfaceName, Buffer.from(name)),
    option(OPTION.resolution, Buffer.from([MICROSECONDS])),
  ]);
}

export function packetBlock(packet: CapturedPacket): Buffer {
  const body = Buffer.alloc(20 + padded(packet.frame.length));
  body.writeUInt32LE(packet.interface, 0);
  body.writeUInt32LE(Number(packet.time >> 32n), 4);
  body.writeUInt32LE(Number(packet.time & 0xffff_ffffn), 8);
  body.writeUInt32LE(packet.frame.length, 12);
  body.writeUInt32LE(Math.max(packet.length, packet.frame.length), 16);
  body.set(packet.frame, 20);
  const verdict = Buffer.alloc(9);
  verdict.writeUInt8(VERDICT_TC, 0);
  verdict.writeBigUInt64LE(TC_ACT[packet.action], 1);
  return block(ENHANCED_PACKET, body, [
    option(OPTION.comment, Buffer.from(packet.comment)),
    option(OPTION.verdict, verdict),
  ]);
}

function block(type: number, body: Buffer, options: readonly Buffer[]): Buffer {
  const content = Buffer.concat([body, ...options, Buffer.alloc(4)]);
  const whole = Buffer.alloc(12 + content.length);
  whole.writeUInt32LE(type, 0);
  whole.writeUInt32LE(whole.length, 4);
  whole.set(content, 8);
  whole.writeUInt32LE(whole.length, whole.length - 4);
  return whole;
}

function option(code: number, value: Buffer): Buffer {
  const whole = Buffer.alloc(4 + padded(value.length));
  whole.writeUInt16LE(code, 0);
  whole.writeUInt16LE(value.length, 2);
  whole.set(value, 4);
  return whole;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
