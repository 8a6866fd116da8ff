/**
 * A story: EC2 requests and packets in turn, told line by line. Every packet goes through the kernel program
 * and by hand, which must agree on verdict and bytes. Ids come from a seed, so a story is always the same
 * text: it is kept in `test/stories/golden/`.
 */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootDone } from "../../src/actions/instance/instance-lifecycle.ts";
import { newRegion, type TestRegion } from "../../src/actions/test-region.ts";
import { FlowRecorder } from "../../src/agent/flow-log.ts";
import { type MemoryTables, memoryTables } from "../../src/contract/memory-tables.ts";
import { codeOfDrop } from "../../src/contract/stages.ts";
import type { Entry } from "../../src/contract/tables.ts";
import { type Datapath, openDatapath } from "../../src/datapath/loader.ts";
import {
  frame,
  icmp,
  icmpv6,
  ipv6Frame,
  ROUTER,
  TCP as FLAGS,
  tcp,
  udp,
} from "../../src/datapath/test-frame.ts";
import { bpffs, OBJECT } from "../../src/datapath/test-kit.ts";
import { addressBytes } from "../../src/lib/address.ts";
import { present } from "../../src/lib/assert.ts";
import { Fault } from "../../src/model/fault.ts";
import { holderOf } from "../../src/model/holder.ts";
import { type NetworkInterface, primaryPrivateIp } from "../../src/model/network-interface.ts";
import type { Realm } from "../../src/model/realm.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { allowanceMemory } from "../../src/reach/allowance-memory.ts";
import { connectionMemory } from "../../src/reach/connection.ts";
import { fragmentMemory } from "../../src/reach/fragment-memory.ts";
import { natMemory } from "../../src/reach/nat-connection.ts";
import { ICMP, ICMPV6 } from "../../src/reach/packet.ts";
import { reasonText } from "../../src/words/trace-text.ts";
import { ROOT } from "../kit/genkan.ts";
import { SETTINGS } from "../kit/scene.ts";
import { type NameOf, stepText } from "../kit/step-text.ts";
import { bothWays, difference, writeTime } from "../proof/proof.ts";
import type { Forwarded } from "../reference/forward.ts";

/**
 * One packet: from an interface's address, or from the internet; `flags` of TCP, SYN unless it says
 * otherwise.
 */
type Said = {
  readonly from: string;
  readonly to: string;
  readonly protocol?: "tcp" | "udp" | "ping";
  readonly port?: number;
  readonly sourcePort?: number;
  readonly flags?: keyof typeof FLAGS;
  /** The interface that sends it, where that is not the one with the address `from`. */
  readonly by?: string;
  /** Bytes of data, 5 unless it says otherwise. */
  readonly data?: number;
  /** 64 unless it says otherwise. */
  readonly ttl?: number;
  /** Only for IPv4: the first fragment of several. */
  readonly fragment?: true;
  /** Only for IPv6: a routing header that names one more hop. */
  readonly routed?: true;
};

export type Story = {
  /** That of {@link Story.into}; at first us-east-1. */
  readonly region: TestRegion;
  /** Requests and launches are another region's from now on. */
  readonly into: (region: string) => void;
  readonly title: (text: string) => void;
  /**
   * Performs one EC2 operation and writes it with its input. `word`: what the id that it made is called from
   * then on.
   */
  readonly ec2: (operation: string, input: object, word?: string) => void;
  /** The id that a word names. */
  readonly id: (word: string) => string;
  /** Performs an operation that is refused; writes its code and message. */
  readonly refused: (operation: string, input: object) => void;
  /** Changes the state other than by a request, and adds no line. */
  readonly change: TestRegion["change"];
  /** Launches an instance, which is called `word` from now on. */
  readonly launch: (
    word: string,
    input: object,
  ) => {
    readonly id: string;
    readonly eni: string;
    readonly ip: string;
    readonly publicIp?: string;
    readonly ipv6: string;
  };
  /** Calls an id or address by a word from now on. */
  readonly name: (id: string, word: string) => void;
  readonly send: (said: Said) => Forwarded;
  /**
   * A frame of IPv4 with a payload of one's own, from the interface that has the source address, else from
   * the internet; told by its outcome.
   */
  readonly raw: (
    ends: { readonly source: string; readonly destination: string },
    protocol: number,
    payload: Uint8Array,
  ) => Forwarded;
  /** The answer to what came out of the last packet; from whom it reached. */
  readonly answer: () => Forwarded;
  readonly wait: (seconds: number) => void;
  /** Ends the interval of all flow logs and tells what is written in each. */
  readonly flows: () => Promise<void>;
  /** The end: the text is the golden one. */
  readonly end: () => void;
};

const SECOND = 1_000_000_000n;
const SIZES = {
  interfaces: 256,
  publicAddresses: 1024,
  vpcs: 256,
  subnets: 256,
  flows: 32,
  flowRecords: 4096,
};
let shared: Datapath | undefined;
let now = 1_000n * SECOND;

/**
 * Begins a story; `name`: of its file in `test/stories/golden/`. GENKAN_GOLDEN=write keeps the text as it is
 * told.
 */
export function story(name: string, settings: Parameters<typeof newRegion>[0] = {}): Story {
  const pools = [...SETTINGS.pools, ...(settings.byoip ?? [])];
  shared ??= openDatapath({
    pins: bpffs(),
    netns: "/proc/thread-self/ns/net",
    object: OBJECT,
    sizes: SIZES,
    clock: () => now,
  });
  const datapath = shared;
  // Longer than anything is remembered.
  now += 500_000n * SECOND;
  const regions = [newRegion(settings)];
  let region = present(regions[0], "the first region");
  const enis = (): readonly NetworkInterface[] =>
    regions.flatMap((one) => one.reader().list("network-interface"));
  const words = new Map<string, string>();
  const lines: string[] = [];
  const connections = connectionMemory();
  const fragments = fragmentMemory();
  const spent = allowanceMemory();
  const nat = natMemory();
  const planned = (): readonly Entry[] =>
    fullPlan(
      regions.map((one) => one.reader()),
      { ...SETTINGS, pools, fragments: 4, now },
    );
  let rows = planned();
  let tables: MemoryTables = memoryTables(rows);
  const begun = now;
  const recorder = recorderOf({ datapath, regions, clock: () => now - begun });
  let last: { readonly said: Said; readonly became: Forwarded } | undefined;
  datapath.reconcile(rows);
  datapath.sweep(now);
  datapath.flowLogs.take();
  forget(datapath.maps.nat_ports);

  const tell = (text: string): void =>
    void lines.push([...words].reduce((told, [id, word]) => told.split(id).join(word), text));
  const obey = (): void => {
    const next = planned();
    datapath.apply(difference(rows, next));
    writeTime(datapath, now);
    rows = next;
    tables = memoryTables(rows);
  };
  const through = (
    said: Said,
    entrance: Parameters<typeof bothWays>[2]["entrance"],
    bytes: Uint8Array,
  ): Forwarded => {
    const { became, difference: differs } = bothWays(
      datapath,
      tables,
      { entrance, bytes, segment: 0 },
      { connections, fragments, nat, spent, now },
    );
    assert.equal(
      differs,
      undefined,
      `${JSON.stringify(said)}: the kernel program and the reading by hand agree`,
    );
    last = { said, became };
    for (const line of toldOf(said, became, { enis: enis(), nameOf: nameIn(regions) })) tell(line);
    return became;
  };
  const send = (said: Said): Forwarded => {
    const eni = enis().find((one) => (said.by === undefined ? holds(one, said.from) : one.id === said.by));
    return through(
      said,
      eni ? { kind: "interface", slot: eni.slot } : { kind: "internet" },
      frameOf(said, eni?.macAddress),
    );
  };
  return {
    get region() {
      return region;
    },
    into: (name) => {
      const known = regions.find((one) => one.context().region === name);
      region = known ?? region.elsewhere(name);
      if (!known) regions.push(region);
      lines.push(`in ${name}:`);
    },
    title: (text) => void lines.push("", `## ${text}`, ""),
    ec2: (operation, input, word) => {
      const answer = region.perform(operation, input);
      obey();
      const id = word === undefined ? undefined : madeBy(answer);
      if (id !== undefined && word !== undefined) words.set(id, word);
      tell(`${operation} ${JSON.stringify(input)}${word === undefined ? "" : ` = ${word}`}`);
    },
    id: (word) => present([...words].find(([, known]) => known === word)?.[0], word),
    refused: (operation, input) => {
      try {
        region.perform(operation, input);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return tell(`${operation} ${JSON.stringify(input)}\n  refused: ${error.code}: ${error.message}`);
      }
      assert.fail(`${operation} is refused`);
    },
    change: (body) => {
      const result = region.change(body);
      obey();
      return result;
    },
    launch: (word, input) => {
      const answer = region.perform("RunInstances", {
        ImageId: "ami-0123456789abcdef0",
        MinCount: 1,
        MaxCount: 1,
        ...input,
      }) as unknown as {
        readonly Instances: readonly { readonly InstanceId: string }[];
      };
      const id = present(answer.Instances[0], "the instance").InstanceId;
      region.change((tx, context) => bootDone(tx, id, context));
      obey();
      const eni = present(
        region.reader().by("network-interface", "instanceId", id)[0],
        `the interface of ${id}`,
      );
      const ip = primaryPrivateIp(eni) ?? "";
      words.set(id, word);
      words.set(eni.id, `${word}'s interface`);
      const [ipv6 = ""] = eni.ipv6Addresses ?? [];
      tell(
        `${word} runs: ${[ip, ipv6].filter(Boolean).join(", ")}${eni.autoPublicIp === undefined ? "" : `, public ${eni.autoPublicIp}`}`,
      );
      return {
        id,
        eni: eni.id,
        ip,
        ipv6,
        ...(eni.autoPublicIp === undefined ? {} : { publicIp: eni.autoPublicIp }),
      };
    },
    name: (id, word) => void words.set(id, word),
    send,
    raw: ({ source, destination }, protocol, payload) => {
      const eni = enis().find((one) => holds(one, source));
      const macs = eni
        ? { to: ROUTER, from: eni.macAddress }
        : { to: SETTINGS.uplinkMac, from: SETTINGS.uplinkPeerMac };
      const bytes = frame({ source, destination, ...macs, protocol, payload: Buffer.from(payload) });
      const entrance = eni
        ? ({ kind: "interface", slot: eni.slot } as const)
        : ({ kind: "internet" } as const);
      return through(
        { from: source, to: destination, protocol: protocol === ICMP ? "ping" : "udp" },
        entrance,
        bytes,
      );
    },
    answer: () => {
      const { said, became } = present(last, "a packet before the answer");
      const out = present(became.trace, "what came out of the last packet").packet;
      const ports = { sourcePort: out.destinationPort ?? 0, port: out.sourcePort ?? 0 };
      const back: Said = { ...said, from: out.destination, to: out.source, ...ports, flags: "ack" };
      if (became.verdict === "internet")
        return through(back, { kind: "internet" }, frameOf(back, undefined, true));
      const eni = present(
        enis().find(({ slot }) => slot === became.target),
        "who got it",
      );
      return through(back, { kind: "interface", slot: eni.slot }, frameOf(back, eni.macAddress, true));
    },
    wait: (seconds) => {
      now += BigInt(seconds) * SECOND;
      writeTime(datapath, now);
      lines.push(`${seconds} s later`);
    },
    flows: async () => {
      const written = await recorder();
      tell(
        written.length === 0
          ? "  no flow log has anything to tell"
          : `  flow logs:\n${written.map((line) => `    ${line}`).join("\n")}`,
      );
    },
    end: () => keep(name, `${lines.join("\n").trim()}\n`),
  };
}

type Recorded = {
  readonly datapath: Datapath;
  readonly regions: readonly TestRegion[];
  /** Nanoseconds since the story began. */
  readonly clock: () => bigint;
};

/** What flow logs write, the story having begun as the year does. */
function recorderOf({ datapath, regions, clock }: Recorded): () => Promise<readonly string[]> {
  const realmOf = (one: TestRegion): Realm => ({
    account: one.context().account,
    region: one.context().region,
  });
  const written: string[] = [];
  const recorder = new FlowRecorder({
    kernel: {
      take: datapath.flowLogs.take,
      monotonicNow: () => now,
    },
    realms: () => regions.map(realmOf),
    reader: ({ region }) =>
      present(
        regions.find((one) => one.context().region === region),
        region,
      ).reader(),
    files: {
      append: async (_path, _header, lines) => void written.push(...lines),
      read: async function* () {},
      clear: async () => undefined,
    },
    now: () => Date.parse("2026-01-01T00:00:00Z") + Number(clock() / 1_000_000n),
    log: (message, cause) => {
      throw new Error(message, { cause });
    },
  });
  return async () => {
    await recorder.collect();
    return written.splice(0);
  };
}

function forget(map: Datapath["maps"]["nat_ports"]): void {
  const keys: Buffer[] = [];
  map.forEach((key) => keys.push(Buffer.from(key)));
  if (keys.length > 0) map.deleteMany(Buffer.concat(keys));
}

function keep(name: string, text: string): void {
  const file = join(ROOT, "test/stories/golden", `${name}.txt`);
  if (process.env["GENKAN_GOLDEN"] === "write") {
    mkdirSync(join(ROOT, "test/stories/golden"), { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(
    text,
    readFileSync(file, "utf8"),
    `${name}: GENKAN_GOLDEN=write keeps a text that changed for a good reason`,
  );
}

/** The id of what an answer tells was made: its first member that looks like one. */
function madeBy(answer: unknown): string | undefined {
  return /"((?:[a-z]+-)+[0-9a-f]{17})"/.exec(JSON.stringify(answer))?.[1];
}

function holds(eni: NetworkInterface, address: string): boolean {
  return eni.privateIpAddresses.includes(address) || (eni.ipv6Addresses ?? []).includes(address);
}

function frameOf(
  {
    from,
    to,
    protocol = "tcp",
    port = 80,
    sourcePort = 40_000,
    flags = "syn",
    data = 5,
    ttl = 64,
    fragment,
    routed,
  }: Said,
  mac: string | undefined,
  back = false,
): Uint8Array {
  const ends = { source: from, destination: to };
  const isIpv6 = from.includes(":");
  const bytes = Buffer.alloc(data, "x");
  const number = { tcp: 6, udp: 17, ping: isIpv6 ? 58 : 1 }[protocol];
  const echo = sourcePort * 0x10000 + 1;
  const payload = {
    tcp: () =>
      tcp(
        ends,
        sourcePort,
        port,
        flags === "ack" && back ? FLAGS.syn | FLAGS.ack : FLAGS[flags],
        data === 5 ? "" : bytes,
      ),
    udp: () => udp(ends, sourcePort, port, bytes),
    ping: () =>
      isIpv6 ? icmpv6(ends, back ? 129 : 128, 0, echo, data === 5 ? "" : bytes) : icmp(back ? 0 : 8, 0, echo),
  }[protocol]();
  const macs =
    mac === undefined ? { to: SETTINGS.uplinkMac, from: SETTINGS.uplinkPeerMac } : { to: ROUTER, from: mac };
  if (!isIpv6)
    return frame({
      ...ends,
      ...macs,
      ttl,
      ...(fragment ? { fragment: 0x2000 } : {}),
      protocol: number,
      payload,
    });
  const hop = Buffer.from([number, 2, 4, 1, 0, 0, 0, 0, ...addressBytes("2001:db8:ffff::9")]);
  return ipv6Frame({
    ...ends,
    ...macs,
    ttl,
    ...(routed ? { protocol: 43, payload: Buffer.concat([hop, payload]) } : { protocol: number, payload }),
  });
}

function endpoint(address: string, port: number | undefined): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** A packet in words: who to whom, each stage that says something, and its end. */
function toldOf(
  { from, to, protocol = "tcp", port = 80, sourcePort = 40_000 }: Said,
  became: Forwarded,
  { enis, nameOf }: { readonly enis: readonly NetworkInterface[]; readonly nameOf: NameOf },
): readonly string[] {
  const ends =
    protocol === "ping"
      ? `ping ${from} → ${to}`
      : `${protocol} ${endpoint(from, sourcePort)} → ${endpoint(to, port)}`;
  const stages = (became.trace?.steps ?? []).map((step) => `    ${stepText(step, nameOf)}`);
  return [`  ${ends}`, ...stages, `    = ${endOf(became, enis)}`];
}

/** By ids, which the story's words then replace; what a VPC begins with as AWS calls it. */
function nameIn(regions: readonly TestRegion[]): NameOf {
  const places = regions.map((one) => ({ reader: one.reader() }));
  const names: Readonly<Record<Parameters<NameOf>[0], (slot: number) => string | undefined>> = {
    interface: (slot) => holderOf(places, "network-interface", slot)?.resource.id,
    "NAT gateway": (slot) => holderOf(places, "network-interface", slot)?.resource.natGatewayId,
    "security group": (slot) => {
      const group = holderOf(places, "security-group", slot)?.resource;
      return group && (group.name === "default" ? "the default security group" : group.id);
    },
    "network ACL": (slot) => {
      const acl = holderOf(places, "network-acl", slot)?.resource;
      return acl && (acl.isDefault ? "the default network ACL" : acl.id);
    },
    VPC: (slot) => holderOf(places, "vpc", slot)?.resource.id,
    "internet gateway": (slot) => holderOf(places, "internet-gateway", slot)?.resource.id,
  };
  return (kind, slot) => names[kind](slot) ?? `${kind} ${slot}`;
}

function endOf({ verdict, reason, target, trace }: Forwarded, enis: readonly NetworkInterface[]): string {
  if (verdict === "arp" || verdict === "absorb")
    return verdict === "arp" ? "answered by the router" : "taken in silence";
  if (verdict === "error") return `dropped: ${reason} (${reasonText(reason, "en")}), and its sender is told`;
  if (verdict === "drop") {
    const code = codeOfDrop(reason);
    return `dropped: ${reason} (${reasonText(reason, "en")})${code === undefined ? "" : ` ${code}`}`;
  }
  const { source, destination, protocol, sourcePort, destinationPort } = present(trace, "its trace").packet;
  const hasPorts = protocol !== ICMP && protocol !== ICMPV6;
  const eni = enis.find(({ slot }) => slot === target);
  const where = verdict === "internet" ? "the internet" : (eni?.attachment?.instanceId ?? eni?.id ?? verdict);
  const end = (address: string, port: number | undefined): string =>
    hasPorts ? endpoint(address, port) : address;
  return `reaches ${where}: ${end(source, sourcePort)} → ${end(destination, destinationPort)}`;
}
