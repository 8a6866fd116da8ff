import { type Verdict, VERDICTS } from "../contract/packet-event.ts";
import { DROP_REASONS, type DropReason } from "../contract/stages.ts";
import { formatIpv4, ipv4 } from "../lib/address.ts";
import { attributes, bpf, BPF, KernelError } from "./libbpf.ts";

/**
 * Runs a program of the kernel on a frame without sending anything (BPF_PROG_TEST_RUN); returns its decision
 * and the bytes that came out. A call takes about 14 microseconds; frames have at most about 3,600 bytes.
 */
export type TestRun = {
  readonly verdict: Verdict;
  readonly reason: DropReason;
  /** The interface (or link) that it goes to; for a drop, the interface that it is counted for. */
  readonly target: number;
  /** What the program returned: 2 dropped, 7 redirected. */
  readonly action: number;
  /** The tunnel that it goes through: the outer destination and the network identifier. */
  readonly tunnel: { readonly address: string; readonly vni: number };
  readonly frame: Buffer;
};

/** Offsets in `struct __sk_buff`. */
const CONTEXT = { mark: 8, priority: 32, ingressIfindex: 36, cb: 48, gsoSize: 176, size: 192 } as const;
/** Offset of `test.duration` in `union bpf_attr`. */
const DURATION = 36;
const MAX_FRAME = 16384;
/** Made once: a proof runs millions of frames. */
const into = Buffer.alloc(MAX_FRAME);
const out = Buffer.alloc(MAX_FRAME);
const skb = Buffer.alloc(CONTEXT.size);
const after = Buffer.alloc(CONTEXT.size);
/** Offsets in `union bpf_attr` of the fields that differ between runs. */
const ATTR = { program: 0, result: 4, sizeIn: 8, sizeOut: 12, contextIn: 40, contextOut: 44 } as const;
let prepared: Buffer | undefined;

function prepare(): Buffer {
  return attributes(
    [
      [16, 8, into],
      [24, 8, out],
      [48, 8, skb],
      [56, 8, after],
    ],
    80,
  );
}

/** `link`: the index of the link that the frame comes in on; an interface's slot. */
type Context = {
  readonly link?: number;
  readonly mark?: number;
  readonly priority?: number;
  readonly gsoSize?: number;
};

export function testRun(program: number, frame: Uint8Array, context: Context = {}): TestRun {
  return timedTestRun(program, frame, context).run;
}

/** With how long the program took, as the kernel measured it. */
export function timedTestRun(
  program: number,
  frame: Uint8Array,
  context: Context = {},
): { readonly run: TestRun; readonly nanoseconds: number } {
  prepared ??= prepare();
  into.set(frame);
  skb.writeUInt32LE(context.mark ?? 0, CONTEXT.mark);
  skb.writeUInt32LE(context.priority ?? 0, CONTEXT.priority);
  skb.writeUInt32LE(context.link ?? 0, CONTEXT.ingressIfindex);
  skb.writeUInt32LE(context.gsoSize ?? 0, CONTEXT.gsoSize);
  prepared.writeUInt32LE(program, ATTR.program);
  prepared.writeUInt32LE(frame.length, ATTR.sizeIn);
  prepared.writeUInt32LE(out.length, ATTR.sizeOut);
  prepared.writeUInt32LE(skb.length, ATTR.contextIn);
  prepared.writeUInt32LE(after.length, ATTR.contextOut);
  const result = bpf(BPF.progTestRun, prepared);
  if (result < 0) throw new KernelError("test run", result);
  const run: TestRun = {
    verdict: VERDICTS[after.readUInt32LE(CONTEXT.cb)] ?? "none",
    reason: DROP_REASONS[after.readUInt32LE(CONTEXT.cb + 4)] ?? "none",
    target: after.readUInt32LE(CONTEXT.cb + 8),
    tunnel: {
      address: formatIpv4(ipv4(after.readUInt32BE(CONTEXT.cb + 12))),
      vni: after.readUInt32LE(CONTEXT.cb + 16),
    },
    action: prepared.readUInt32LE(ATTR.result),
    frame: Buffer.from(out.subarray(0, prepared.readUInt32LE(ATTR.sizeOut))),
  };
  return { run, nanoseconds: prepared.readUInt32LE(DURATION) };
}
