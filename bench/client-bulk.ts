import { inNamespace } from "../src/datapath/netns.ts";
import { type Answer, type Job, perPath, PORT } from "./job.ts";
import { closeSocket, connectTo, fixedBuffers, newSocket, receive, sendAll, socketAddress } from "./libc.ts";
import { seededOrder } from "./order.ts";

/** Sends so many bytes on each path in turn, and waits until the other end says that it has read them all. */
export function bulk(job: Extract<Job, { kind: "bulk" }>): Answer["bulk"] {
  const order = seededOrder(job.seed);
  const chunk = Buffer.alloc(job.chunk);
  const answer = Buffer.alloc(1);
  const lanes = job.paths.map((path) => ({
    path,
    perSecond: [] as number[],
    fd: inNamespace(path.instance, () => {
      const fd = newSocket("tcp");
      if (job.buffer > 0) fixedBuffers(fd, job.buffer);
      connectTo(fd, socketAddress(path.internetAddress, PORT.bulk));
      return fd;
    }),
  }));
  try {
    for (let slice = -job.warm; slice < job.slices; slice += 1)
      for (const { fd, perSecond } of order.shuffled(lanes)) {
        const start = performance.now();
        for (let left = job.bytes; left > 0; left -= chunk.length)
          sendAll(fd, chunk, Math.min(left, chunk.length));
        if (receive(fd, answer) !== 1) throw new Error("the other end has closed the connection");
        if (slice >= 0) perSecond.push((job.bytes / (performance.now() - start)) * 1000);
      }
    return perPath(job.paths, (name) => ({
      perSecond: lanes.find(({ path }) => path.name === name)?.perSecond ?? [],
    }));
  } finally {
    for (const { fd } of lanes) closeSocket(fd);
  }
}
