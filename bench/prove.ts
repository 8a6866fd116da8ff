import { inNamespace } from "../src/datapath/netns.ts";
import { assert } from "../src/lib/assert.ts";
import { bindTo, closeSocket, MSG_DONTWAIT, newSocket, receiveFrom, sendTo, socketAddress } from "./libc.ts";
import type { Path } from "./path.ts";

const INSIDE_PORT = 5000;
const CLOSED_PORT = 5001;
const OUTSIDE_PORT = 7000;

/**
 * Shows with single packets that the path does what it is said to do: a request arrives from the expected
 * address, its answer comes back; and what nobody asked for reaches the instance if and only if nothing on
 * the path filters. Throws when it does not.
 */
export function prove(path: Path): null {
  const { name, instance, internet, seenAddress, internetAddress, filters, changesPorts } = path;
  const open = (namespace: string, address: string, port: number): number =>
    inNamespace(namespace, () => {
      const fd = newSocket("udp", 2);
      bindTo(fd, address, port);
      return fd;
    });
  const inside = open(instance, "0.0.0.0", INSIDE_PORT);
  const closed = open(instance, "0.0.0.0", CLOSED_PORT);
  const outside = open(internet, internetAddress, OUTSIDE_PORT);
  try {
    const data = Buffer.alloc(64);
    sendTo(inside, Buffer.from("request"), socketAddress(internetAddress, OUTSIDE_PORT));
    const request = receiveFrom(outside, data);
    assert(request?.data.toString() === "request", `${name}: the request has come as it was sent`);
    const from = `${request.address}:${request.port}`;
    const seen = changesPorts ? `${seenAddress}:${request.port}` : `${seenAddress}:${INSIDE_PORT}`;
    assert(from === seen, `${name}: the internet sees ${seen}, not ${from}`);
    sendTo(outside, Buffer.from("unasked"), socketAddress(seenAddress, CLOSED_PORT));
    sendTo(outside, Buffer.from("answer"), socketAddress(seenAddress, request.port));
    const answer = receiveFrom(inside, data);
    assert(
      answer?.data.toString() === "answer" && answer.address === internetAddress,
      `${name}: the answer has come back`,
    );
    // Packets keep their order: what was to come before the answer is here by now.
    const unasked = receiveFrom(closed, data, MSG_DONTWAIT);
    assert(
      (unasked === undefined) === filters,
      `${name}: what nobody asked for ${filters ? "does not reach" : "reaches"} the instance`,
    );
  } finally {
    for (const fd of [inside, closed, outside]) closeSocket(fd);
  }
  return null;
}
