import { inNamespace } from "../src/datapath/netns.ts";
import { assert } from "../src/lib/assert.ts";
import { type Answer, type Job, LAST, perPath, PORT } from "./job.ts";
import { closeSocket, connectTo, newSocket, noDelay, receive, sendAll, socketAddress } from "./libc.ts";
import { seededOrder } from "./order.ts";
import type { Path } from "./path.ts";
import { quantile } from "./row.ts";

/** Bytes of a request and of its answer. */
const PAYLOAD = 22;

/**
 * Requests and answers one at a time, some on each path in turn; the other end is a process on the same
 * processor.
 */
export function roundTrips(job: Extract<Job, { kind: "round-trips" }>): Answer["round-trips"] {
  const order = seededOrder(job.seed);
  const request = Buffer.alloc(PAYLOAD);
  const answer = Buffer.alloc(64);
  const lanes = job.paths.map((path) => ({
    path,
    fd: openTo(path, job.protocol),
    times: new Float64Array(job.slices * job.count),
  }));
  try {
    for (let slice = -job.warm; slice < job.slices; slice += 1)
      for (const { fd, times } of order.shuffled(lanes))
        for (let turn = 0; turn < job.count; turn += 1) {
          const number = (slice + job.warm) * job.count + turn;
          request.writeUInt32LE(number, 4);
          const start = performance.now();
          sendAll(fd, request);
          const got = receive(fd, answer);
          const end = performance.now();
          assert(got === PAYLOAD && answer.readUInt32LE(4) === number, `answer ${number} has come`);
          if (slice >= 0) times[slice * job.count + turn] = (end - start) * 1000;
        }
    request.writeUInt8(LAST, 0);
    for (const { fd } of lanes) sendAll(fd, request);
    return perPath(job.paths, (name) => summary(lanes.find(({ path }) => path.name === name)?.times));
  } finally {
    for (const { fd } of lanes) closeSocket(fd);
  }
}

function openTo(path: Path, protocol: "udp" | "tcp"): number {
  return inNamespace(path.instance, () => {
    const fd = newSocket(protocol);
    if (protocol === "tcp") noDelay(fd);
    connectTo(fd, socketAddress(path.internetAddress, PORT[protocol]));
    return fd;
  });
}

/** Connect, request, answer, close: one after another, some on each path in turn. */
export function connections(job: Extract<Job, { kind: "connections" }>): Answer["connections"] {
  const order = seededOrder(job.seed);
  const request = Buffer.alloc(PAYLOAD);
  const answer = Buffer.alloc(64);
  const lanes = job.paths.map((path) => ({
    path,
    to: socketAddress(path.internetAddress, PORT.connections),
    times: new Float64Array(job.slices * job.count),
  }));
  const once = (to: Buffer): void => {
    const fd = newSocket("tcp");
    try {
      connectTo(fd, to);
      sendAll(fd, request);
      const got = receive(fd, answer);
      assert(got === PAYLOAD, `the answer has ${PAYLOAD} bytes, not ${got}`);
    } finally {
      closeSocket(fd);
    }
  };
  for (let slice = -job.warm; slice < job.slices; slice += 1)
    for (const { path, to, times } of order.shuffled(lanes))
      inNamespace(path.instance, () => {
        for (let turn = 0; turn < job.count; turn += 1) {
          const start = performance.now();
          once(to);
          const end = performance.now();
          if (slice >= 0) times[slice * job.count + turn] = (end - start) * 1000;
        }
      });
  request.writeUInt8(LAST, 0);
  for (const { path, to } of lanes) inNamespace(path.instance, () => once(to));
  return perPath(job.paths, (name) => summary(lanes.find(({ path }) => path.name === name)?.times));
}

function summary(times: Float64Array = new Float64Array()): { p50: number; p99: number; perSecond: number } {
  const total = times.reduce((sum, time) => sum + time, 0);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: (times.length / total) * 1e6 };
}
