import { inNamespace } from "../src/datapath/netns.ts";
import { assert } from "../src/lib/assert.ts";
import { type Answer, type Job, perPath, PORT } from "./job.ts";
import {
  batchOf,
  bindTo,
  type Batch,
  closeSocket,
  connectTo,
  dropsOf,
  newSocket,
  sendBatch,
  smallestBuffer,
  socketAddress,
} from "./libc.ts";
import { seededOrder } from "./order.ts";
import type { Path } from "./path.ts";

/** 14 bytes of Ethernet, 20 of IPv4, 8 of UDP and 22 of ours: frames of 64 bytes. */
const PAYLOAD = 22;

type Lane = {
  readonly path: Path;
  readonly sender: number;
  readonly receiver: number;
  readonly batch: Batch;
  readonly perSecond: number[];
  sent: number;
  arrived: number;
};

/**
 * Sends as fast as it goes, a slice of time on each path in turn, and counts what arrived at the socket on the internet's side:
 * its buffer is full, so that every further packet that reaches it is counted there and dropped. On a veth pair a packet goes all
 * the way on the sender's processor before the call that sent it returns; so the slice's time is the cost of the whole way.
 */
export function rate(job: Extract<Job, { kind: "rate" }>): Answer["rate"] {
  const order = seededOrder(job.seed);
  const lanes = job.paths.map((path) => openLane(path, job));
  try {
    for (let slice = -job.warm; slice < job.slices; slice += 1)
      for (const lane of order.shuffled(lanes)) runSlice(lane, job.milliseconds, slice >= 0);
    return perPath(job.paths, (name) => {
      const { perSecond, sent, arrived } = lanes.find(({ path }) => path.name === name) as Lane;
      return { perSecond, sent, lost: sent - arrived };
    });
  } finally {
    for (const { sender, receiver } of lanes) for (const fd of [sender, receiver]) closeSocket(fd);
  }
}

function openLane(path: Path, { batch: count, flows }: { readonly batch: number; readonly flows: number }): Lane {
  const receiver = inNamespace(path.internet, () => {
    const fd = newSocket("udp");
    smallestBuffer(fd);
    bindTo(fd, "0.0.0.0", PORT.rate);
    return fd;
  });
  const sender = inNamespace(path.instance, () => newSocket("udp"));
  const destinations = Array.from({ length: flows }, (_, flow) => socketAddress(destinationOf(path, flow), PORT.rate));
  if (flows === 1) connectTo(sender, destinations[0] as Buffer);
  const batch = batchOf(Buffer.alloc(PAYLOAD), count, flows === 1 ? [] : destinations);
  // Fills the receiver's buffer: from here on each packet that arrives is one more drop.
  const before = dropsOf(receiver);
  for (let tries = 0; dropsOf(receiver) === before; tries += 1) {
    assert(tries < 100, `${path.name}: packets arrive at the receiver`);
    sendBatch(sender, batch);
  }
  return { path, sender, receiver, batch, perSecond: [], sent: 0, arrived: 0 };
}

function destinationOf({ internetAddress }: Path, flow: number): string {
  return flow === 0 ? internetAddress : `198.18.${(flow >> 8) & 255}.${flow & 255}`;
}

function runSlice(lane: Lane, milliseconds: number, counts: boolean): void {
  const before = dropsOf(lane.receiver);
  let sent = 0;
  const start = performance.now();
  let now = start;
  while (now - start < milliseconds) {
    sent += sendBatch(lane.sender, lane.batch);
    now = performance.now();
  }
  const arrived = (dropsOf(lane.receiver) - before) >>> 0;
  if (!counts) return;
  lane.sent += sent;
  lane.arrived += arrived;
  lane.perSecond.push((arrived / (now - start)) * 1000);
}
