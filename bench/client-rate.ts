import { inNamespace } from "../src/datapath/netns.ts";
import { frame, ipv6Frame, udp } from "../src/datapath/test-frame.ts";
import { assert, present } from "../src/lib/assert.ts";
import { type Answer, type Job, perPath, PORT } from "./job.ts";
import {
  type Batch,
  batchOf,
  bindTo,
  closeSocket,
  connectTo,
  dropsOf,
  frameBatch,
  newSocket,
  receiveFrom,
  sendBatch,
  sendTo,
  smallestBuffer,
  socketAddress,
} from "./libc.ts";
import { seededOrder } from "./order.ts";
import { openPacketSocket } from "./packet-socket.ts";
import type { Path } from "./path.ts";

/** 14 bytes of Ethernet, 20 of IPv4 or 40 of IPv6, 8 of UDP, and ours: frames of 64 bytes. */
const PAYLOAD = { 4: 22, 6: 2 } as const;

type RateJob = Extract<Job, { kind: "rate" }>;

type Lane = {
  readonly path: Path;
  readonly sockets: readonly number[];
  /** How many of them send and receive. */
  readonly sender: number;
  readonly receiver: number;
  /** Taken in turn. */
  readonly batches: readonly Batch[];
  readonly perSecond: number[];
  next: number;
  sent: number;
  arrived: number;
};

/**
 * Sends as fast as it goes, a slice of time on each path in turn, and counts what arrived at the socket of
 * the other end: its buffer is full, so that every further packet that reaches it is counted there and
 * dropped. On a veth pair a packet goes all the way on the sender's processor before the call that sent it
 * returns; so the slice's time is the cost of the whole way.
 */
export function rate(job: RateJob): Answer["rate"] {
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
    for (const { sockets } of lanes) for (const fd of sockets) closeSocket(fd);
  }
}

function openLane(path: Path, job: RateJob): Lane {
  const ends = endsOf(path, job.family);
  const inside = openSocket(path.instance, ends.instance);
  const outside = openSocket(path.internet, ends.seen.includes(":") ? "::" : "0.0.0.0");
  const [from, receiver] = job.direction === "out" ? [inside, outside] : [outside, inside];
  // Also so that both ends know their neighbours.
  const seenPort = askedFor(path, ends, inside, outside);
  smallestBuffer(receiver);
  const { fd: sender, batches } =
    job.by === "frames" ? framesOf(path, ends, job) : { fd: from, batches: batchesOf(path, from, job) };
  // Connected as well, so that the socket is found before the route: less work at an end, which all paths
  // have alike.
  if (job.flows === 1)
    connectTo(
      receiver,
      job.direction === "out" ? socketAddress(ends.seen, seenPort) : socketAddress(ends.internet, PORT.rate),
    );
  // Fills the receiver's buffer: from here on each packet that arrives is one more drop.
  const before = dropsOf(receiver);
  for (let tries = 0; dropsOf(receiver) === before; tries += 1) {
    assert(tries < 100, `${path.name}: packets arrive at the receiver`);
    for (const batch of batches) sendBatch(sender, batch);
  }
  return {
    path,
    sockets: [...new Set([inside, outside, sender])],
    sender,
    receiver,
    batches,
    perSecond: [],
    next: 0,
    sent: 0,
    arrived: 0,
  };
}

/** The path's addresses in one family. */
type RateEnds = {
  readonly instance: string;
  readonly seen: string;
  readonly internet: string;
  readonly payload: number;
};

function endsOf(path: Path, family: RateJob["family"]): RateEnds {
  const payload = PAYLOAD[family === 4 ? 4 : 6];
  if (family === "nat64" && path.nat64)
    return {
      instance: path.nat64.instanceAddress,
      seen: path.seenAddress,
      internet: path.nat64.internetAddress,
      payload,
    };
  if (family === 4)
    return {
      instance: path.instanceAddress,
      seen: path.seenAddress,
      internet: path.internetAddress,
      payload,
    };
  const { instanceAddress, internetAddress } = present(path.ipv6, `the IPv6 of path ${path.name}`);
  return { instance: instanceAddress, seen: instanceAddress, internet: internetAddress, payload };
}

function openSocket(namespace: string, address: string): number {
  return inNamespace(namespace, () => {
    const fd = newSocket("udp", 10, address.includes(":") ? 6 : 4);
    bindTo(fd, address, PORT.rate);
    return fd;
  });
}

/**
 * The instance begins the flow, so that what comes in is an answer: a filter lets it in because it remembers.
 * @returns the port by which the internet sees it
 */
function askedFor(
  path: Path,
  { internet, seen, payload }: RateEnds,
  inside: number,
  outside: number,
): number {
  sendTo(inside, Buffer.alloc(payload), socketAddress(internet, PORT.rate));
  const request = receiveFrom(outside, Buffer.alloc(64));
  assert(request?.address === seen, `${path.name} is seen as ${seen}, not ${request?.address}`);
  return request.port;
}

/**
 * A packet socket, and frames of 64 bytes for it to the other end, or with more flows to as many of its
 * addresses.
 */
function framesOf(
  path: Path,
  { instance, seen, internet, payload }: RateEnds,
  { direction, flows, batch }: RateJob,
): { readonly fd: number; readonly batches: readonly Batch[] } {
  const { fd, own, next } = openPacketSocket(direction === "out" ? path.instance : path.internet);
  const [source, to] = direction === "out" ? [instance, internet] : [internet, seen];
  const frameTo = (destination: string): Buffer => {
    const ends = { source, destination };
    const make = destination.includes(":") ? ipv6Frame : frame;
    return make({
      ...ends,
      from: own,
      to: next,
      payload: udp(ends, PORT.rate, PORT.rate, Buffer.alloc(payload)),
    });
  };
  if (flows === 1) return { fd, batches: [frameBatch(Array.from({ length: batch }, () => frameTo(to)))] };
  const frames = Array.from({ length: flows }, (_, flow) => frameTo(flowAddress(flow)));
  return {
    fd,
    batches: Array.from({ length: flows / batch }, (_, at) =>
      frameBatch(frames.slice(at * batch, (at + 1) * batch)),
    ),
  };
}

/** The internet's end answers to all of these. */
function flowAddress(flow: number): string {
  return `198.18.${flow >> 8}.${flow & 255}`;
}

/**
 * The same of a UDP socket's datagrams. One batch to the other end; with more flows, batches to as many of
 * its addresses.
 */
function batchesOf(path: Path, sender: number, { direction, flows, batch }: RateJob): readonly Batch[] {
  const payload = Buffer.alloc(PAYLOAD[4]);
  if (flows === 1) {
    connectTo(
      sender,
      socketAddress(direction === "out" ? path.internetAddress : path.seenAddress, PORT.rate),
    );
    return [batchOf(payload, batch)];
  }
  const destinations = Array.from({ length: flows }, (_, flow) =>
    socketAddress(flowAddress(flow), PORT.rate),
  );
  return Array.from({ length: flows / batch }, (_, at) =>
    batchOf(payload, batch, destinations.slice(at * batch, (at + 1) * batch)),
  );
}

function runSlice(lane: Lane, milliseconds: number, counts: boolean): void {
  const before = dropsOf(lane.receiver);
  let sent = 0;
  const start = performance.now();
  let now = start;
  while (now - start < milliseconds) {
    sent += sendBatch(lane.sender, lane.batches[lane.next] as Batch);
    lane.next = (lane.next + 1) % lane.batches.length;
    now = performance.now();
  }
  const arrived = (dropsOf(lane.receiver) - before) >>> 0;
  if (!counts) return;
  lane.sent += sent;
  lane.arrived += arrived;
  lane.perSecond.push((arrived / (now - start)) * 1000);
}
