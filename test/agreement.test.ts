/** The kernel program and the tables read by hand agree on every packet: verdict, reason, whose it is, and addresses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bench, noKernel } from "../src/datapath/test-kit.ts";
import { address, flaws, frame, icmp, packet as ipPacket, tcp, TCP as FLAG, udp } from "../src/datapath/test-frame.ts";
import { present } from "../src/lib/assert.ts";
import { fullPlan } from "../src/plan/compile.ts";
import { memoryTables } from "../src/plan/memory-tables.ts";
import { type Entry, ROUTER_MAC } from "../src/plan/tables.ts";
import { connectionMemory } from "../src/reach/connection.ts";
import { answerTo, type Flow, ICMP, type Packet, TCP, UDP } from "../src/reach/packet.ts";
import { trace, type Trace } from "../src/reach/trace.ts";
import { POOLS, randomRegion, randomSteps, SEED } from "./random-region.ts";
import { SETTINGS } from "./scene.ts";

const PACKETS = Number(process.env["GENKAN_PACKETS"] ?? 10_000);
const PACKETS_A_REGION = 100;

const EXTRA_ADDRESSES =
  "198.51.100.1 198.51.100.1 192.168.0.1 100.64.0.1 169.254.169.254 169.254.169.253 169.254.1.1 255.255.255.255 224.0.0.1 203.0.113.1 203.0.113.14 192.0.2.1 10.0.0.2 10.0.0.255 10.1.0.7 127.0.0.1".split(
    " ",
  );

/** What a packet is made of: numbers that choose among what there is. */
type Draw = { readonly kind: number; readonly choices: readonly number[]; readonly wait: number };

test("the kernel program and the reading by hand agree", { skip: noKernel }, () => {
  const kernel = bench();
  const seen = new Map<string, number>();
  let now = kernel.now();
  const draw = fc.record({
    kind: fc.nat(99),
    choices: fc.array(fc.nat(1 << 20), { minLength: 8, maxLength: 8 }),
    wait: fc.constantFrom(0, 0, 0, 5, 31, 100, 200),
  });
  fc.assert(
    fc.property(randomSteps(40), fc.array(draw, { minLength: PACKETS_A_REGION, maxLength: PACKETS_A_REGION }), (steps, draws) => {
      const region = randomRegion();
      for (const step of steps) region.run(step);
      now += 100n * 86_400n * 1_000_000_000n;
      const settings = { ...SETTINGS, pools: POOLS, connectionLimit: 8 };
      const plan = fullPlan([region.reader()], { ...settings, now });
      const tables = memoryTables(plan);
      kernel.datapath.reconcile(plan);
      // A pass sets right the counts of what it or the pass before saw.
      kernel.datapath.sweep(now);
      kernel.datapath.sweep(now);
      const memory = connectionMemory();
      const past: Packet[] = [];
      for (const drawn of draws) {
        now += BigInt(drawn.wait) * 1_000_000_000n;
        const settingsRow = present(fullPlan([], { ...settings, now })[0], "the settings");
        tables.apply({ puts: [settingsRow], removals: [] });
        kernel.put(settingsRow);
        const packet = packetOf(drawn, tables.entries(), past);
        const bytes = bytesOf(packet);
        const expected = trace(tables, packet, { connections: memory, now });
        memory.remember(expected.connections);
        const run = packet.from === undefined ? kernel.fromInternet(bytes) : kernel.fromEni(packet.from, bytes);
        assert.deepEqual(outcomeOf(run), outcomeBy(expected), JSON.stringify({ packet, steps: expected.steps.map((s) => s.detail) }));
        const { verdict } = expected;
        if (verdict.kind === "deliver" || verdict.kind === "internet") {
          assert.deepEqual(flaws(run.frame), []);
          assert.deepEqual([address(run.frame, 26), address(run.frame, 30)], [expected.packet.source, expected.packet.destination]);
          past.push(asSeenAt(expected.packet, verdict.kind === "deliver" ? verdict.interface : undefined));
        }
        const what = verdict.kind === "drop" ? verdict.reason : verdict.kind;
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    }),
    { numRuns: Math.ceil(PACKETS / PACKETS_A_REGION), seed: SEED, endOnFailure: true, includeErrorInReport: true },
  );
  if (SEED !== 1) return;
  for (const what of [
    "internet",
    "deliver",
    "service",
    "no_route",
    "no_public_ip",
    "security_group_in",
    "network_acl_out",
    "spoofed_source",
  ])
    assert.ok(seen.has(what), `${what} was seen: ${JSON.stringify(Object.fromEntries(seen))}`);
});

/** The packet where it arrived; `from` is now who can answer it. */
function asSeenAt(packet: Packet, slot: number | undefined): Packet {
  const { from: _, ...rest } = packet;
  return slot === undefined ? rest : { ...rest, from: slot };
}

function outcomeBy({ verdict }: Trace): object {
  switch (verdict.kind) {
    case "drop":
      return { kind: "drop", reason: verdict.reason, interface: verdict.interface };
    case "deliver":
      return { kind: "deliver", interface: verdict.interface };
    default:
      return { kind: verdict.kind };
  }
}

function outcomeOf(run: { readonly verdict: string; readonly reason: string; readonly target: number }): object {
  if (run.verdict === "drop" || run.verdict === "error") return { kind: "drop", reason: run.reason, interface: run.target };
  return run.verdict === "deliver" ? { kind: "deliver", interface: run.target } : { kind: run.verdict };
}

function packetOf({ kind, choices }: Draw, entries: readonly Entry[], past: readonly Packet[]): Packet {
  const rest = [...choices];
  const pick = <T>(list: readonly T[]): T => present(list[(rest.shift() ?? 0) % list.length], "one of them");
  const enis = entries.filter((entry) => entry.table === "interfaces");
  const previous = past.length > 0 ? pick(past) : undefined;
  if (previous && kind < 40) return withMac(replyTo(previous, kind, pick), enis);
  const eni = enis.length > 0 && kind < 85 ? pick(enis) : undefined;
  const own = eni?.value.private_ip ?? "198.51.100.1";
  const addresses = [...EXTRA_ADDRESSES, ...enis.flatMap(({ value }) => [value.private_ip, value.public_ip, value.dns])];
  const source = pick([own, own, own, own, own, own, pick(addresses)]);
  const flow = { source, destination: pick(addresses), ...transport(pick) };
  if (!eni) return flow;
  return { ...flow, from: eni.key, ...(kind === 84 ? { sourceMac: "02:00:00:00:00:99" } : { sourceMac: eni.value.mac }) };
}

/** A sender's own MAC address. */
function withMac(packet: Packet, enis: readonly Entry<"interfaces">[]): Packet {
  const eni = enis.find(({ key }) => key === packet.from);
  return eni ? { ...packet, sourceMac: eni.value.mac } : packet;
}

/** An answer to one that passed, or an ICMP error about it, or the same again, from whoever got it. */
function replyTo(previous: Packet, kind: number, pick: <T>(list: readonly T[]) => T): Packet {
  const { from, sourceMac: _, tcp: __, about: ___, ...flow } = previous;
  const origin = from === undefined ? {} : { from };
  const flags = flow.protocol === TCP ? { tcp: pick([{ ack: true }, { ack: true, fin: true }, { reset: true }]) } : {};
  if (kind < 30) return { ...answerTo(flow), ...origin, ...flags };
  const about: Flow = { ...flow };
  const reporter = from === undefined ? pick([flow.destination, "198.51.100.9"]) : flow.destination;
  return { source: reporter, destination: flow.source, protocol: ICMP, icmp: { type: pick([3, 11]), code: 0 }, about, ...origin };
}

function transport(pick: <T>(list: readonly T[]) => T): Omit<Packet, "source" | "destination"> {
  const sourcePort = pick([1, 1024, 40_000, 40_001]);
  const destinationPort = pick([53, 80, 80, 81, 100, 1024]);
  switch (pick(["tcp", "udp", "udp", "icmp", "gre"])) {
    case "tcp":
      return { protocol: TCP, sourcePort, destinationPort, tcp: pick([{ syn: true }, { syn: true }, { ack: true }, { reset: true }]) };
    case "udp":
      return { protocol: UDP, sourcePort, destinationPort };
    case "icmp":
      return { protocol: ICMP, sourcePort, destinationPort: sourcePort, icmp: { type: pick([8, 8, 0, 13]), code: 0 } };
    default:
      return { protocol: 47 };
  }
}

/** The frame of a described packet. */
function bytesOf(packet: Packet): Buffer {
  const { source, destination, protocol } = packet;
  const spec = { source, destination, protocol, payload: payloadOf(packet, packet.tcp) };
  return frame({ ...spec, to: packet.destinationMac ?? ROUTER_MAC, from: packet.sourceMac ?? "02:00:00:00:02:02", fragment: 0x4000 });
}

function payloadOf(flow: Flow & Pick<Packet, "about">, flags: Packet["tcp"]): Buffer {
  const { source, destination, protocol, sourcePort = 0, destinationPort = 0 } = flow;
  const ends = { source, destination };
  if (protocol === UDP) return udp(ends, sourcePort, destinationPort);
  if (protocol === TCP) {
    const bits = (flags?.syn ? FLAG.syn : 0) | (flags?.ack ? FLAG.ack : 0) | (flags?.fin ? FLAG.fin : 0) | (flags?.reset ? FLAG.rst : 0);
    return tcp(ends, sourcePort, destinationPort, bits);
  }
  if (protocol !== ICMP) return Buffer.from("anything at all");
  const { type = 8, code = 0 } = flow.icmp ?? {};
  const { about } = flow;
  const carried = about
    ? ipPacket({ source: about.source, destination: about.destination, protocol: about.protocol, payload: payloadOf(about, undefined) })
    : Buffer.from("ping");
  return icmp(type, code, about ? 0 : (sourcePort << 16) | 1, carried);
}
