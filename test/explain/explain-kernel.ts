/**
 * Sends the packets of an exchange through the kernel program: the request, and the answer to what comes out.
 */

import { join } from "node:path";
import type { Entry } from "../../src/contract/tables.ts";
import { ROUTER_MAC } from "../../src/contract/tables.ts";
import { type Datapath, openDatapath } from "../../src/datapath/loader.ts";
import { icmp, icmpv6, ipv6Frame, frame, TCP as FLAGS, tcp, udp } from "../../src/datapath/test-frame.ts";
import { bpffs, OBJECT } from "../../src/datapath/test-kit.ts";
import { testRun, type TestRun } from "../../src/datapath/test-run.ts";
import { present } from "../../src/lib/assert.ts";
import { isNat64 } from "../../src/lib/nat64.ts";
import { answerTo, type Packet, TCP, UDP } from "../../src/reach/packet.ts";
import { SETTINGS } from "../kit/scene.ts";
import { writeTime } from "../proof/proof.ts";
import { readFrame } from "../reference/frame.ts";

export type Outcome =
  | { readonly kind: "answered" }
  | { readonly kind: "dropped"; readonly reason: string }
  /** To an interface that is not the one that has the destination. */
  | { readonly kind: "forwarded"; readonly slot: number }
  /** An answer that belongs to nothing for who asked. */
  | { readonly kind: "misdirected" }
  /** It left for the internet with an address of NAT64, which no host has. */
  | { readonly kind: "no_such_host" };

export type Kernel = {
  readonly load: (rows: readonly Entry[]) => void;
  /** `ownerOf`: the slot of the interface that has a private address, as the one at a slot sees it. */
  readonly exchange: (packet: Packet, owns: (slot: number, address: string) => boolean) => Outcome;
  readonly close: () => void;
};

const SECOND = 1_000_000_000n;
/** Longer than any connection is remembered. */
const FORGETTING = 432_100n * SECOND;
const SIZES = {
  interfaces: 256,
  publicAddresses: 1024,
  vpcs: 256,
  subnets: 256,
  flows: 32,
  flowRecords: 4096,
};

export function openKernel(): Kernel {
  let now = 1_000n * SECOND;
  const datapath: Datapath = openDatapath({
    pins: join(bpffs(), "explain"),
    netns: "/proc/thread-self/ns/net",
    object: OBJECT,
    sizes: SIZES,
    clock: () => now,
  });
  let macs = new Map<number, string>();
  const send = (packet: Packet): TestRun => {
    const program = packet.fromServices
      ? "from_services"
      : packet.from === undefined
        ? "from_uplink"
        : "from_eni";
    const link = packet.from ?? (packet.fromServices ? SETTINGS.services : SETTINGS.uplink);
    return testRun(datapath.programs[program], bytesOf(packet, macs.get(packet.from ?? 0)), { link });
  };
  return {
    load: (rows) => {
      datapath.reconcile(rows);
      writeTime(datapath, now);
      macs = new Map(rows.flatMap((row) => (row.table === "interfaces" ? [[row.key, row.value.mac]] : [])));
    },
    exchange: (packet, owns) => {
      now += FORGETTING;
      writeTime(datapath, now);
      datapath.sweep(now);
      const request = send(packet);
      const arrived = outcomeOf(request);
      if (arrived) return arrived;
      const came = packetIn(request);
      if (request.verdict === "internet" && isNat64(came.destination)) return { kind: "no_such_host" };
      const isDelivered = request.verdict === "deliver";
      if (isDelivered && !owns(request.target, came.destination))
        return { kind: "forwarded", slot: request.target };
      const answer = send({
        ...answerTo(came),
        ...(packet.protocol === TCP ? { tcp: { syn: true, ack: true } } : {}),
        ...(isDelivered ? { from: request.target } : {}),
        ...(request.verdict === "service" ? { fromServices: true as const } : {}),
      });
      const back = outcomeOf(answer);
      if (back) return back;
      if (answer.verdict === "deliver" && answer.target !== packet.from)
        return { kind: "forwarded", slot: answer.target };
      return belongs(packet, packetIn(answer)) ? { kind: "answered" } : { kind: "misdirected" };
    },
    close: datapath.close,
  };
}

function outcomeOf({ verdict, reason }: TestRun): Outcome | undefined {
  return verdict === "drop" || verdict === "error" ? { kind: "dropped", reason } : undefined;
}

function packetIn({ frame: bytes }: TestRun): Packet {
  const read = readFrame(bytes);
  if (read.kind !== "packet") throw new Error(`what came out is ${read.kind}`);
  const { source, destination, protocol, sourcePort, destinationPort, icmp: message } = read.packet;
  return {
    source,
    destination,
    protocol,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(message ? { icmp: message } : {}),
  };
}

function belongs(packet: Packet, answer: Packet): boolean {
  return (
    answer.source === packet.destination &&
    answer.destination === packet.source &&
    answer.sourcePort === packet.destinationPort &&
    answer.destinationPort === packet.sourcePort
  );
}

function bytesOf(packet: Packet, mac: string | undefined): Buffer {
  const { source, destination, protocol } = packet;
  const [to, from] =
    packet.from !== undefined
      ? [ROUTER_MAC, present(mac, `the address of ${packet.from}`)]
      : packet.fromServices
        ? [SETTINGS.servicesMac, SETTINGS.servicesPeerMac]
        : [SETTINGS.uplinkMac, SETTINGS.uplinkPeerMac];
  const build = source.includes(":") ? ipv6Frame : frame;
  return build({ to, from, source, destination, protocol, payload: payloadOf(packet) });
}

function payloadOf({
  source,
  destination,
  protocol,
  sourcePort = 0,
  destinationPort = 0,
  tcp: flags,
  icmp: message,
}: Packet): Buffer {
  const ends = { source, destination };
  if (protocol === TCP)
    return tcp(
      ends,
      sourcePort,
      destinationPort,
      (flags?.syn ? FLAGS.syn : 0) | (flags?.ack ? FLAGS.ack : 0),
    );
  if (protocol === UDP) return udp(ends, sourcePort, destinationPort, "asked");
  const { type = 0, code = 0 } = message ?? {};
  const rest = sourcePort * 65_536 + 1;
  return source.includes(":") ? icmpv6(ends, type, code, rest, "asked") : icmp(type, code, rest, "asked");
}
