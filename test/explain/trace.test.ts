import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { type DropReason, STAGES } from "../../src/contract/stages.ts";
import { RULE_LIST, type TableReader } from "../../src/contract/tables.ts";
import type { NetworkInterface } from "../../src/model/network-interface.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { connectionMemory } from "../../src/reach/connection.ts";
import { answerTo, type Flow, ICMP, type Packet, TCP, UDP } from "../../src/reach/packet.ts";
import { trace } from "../../src/reach/trace.ts";
import { scene, type Scene, SETTINGS } from "../kit/scene.ts";

const INTERNET = "198.51.100.1";

const tcp = (source: string, destination: string, destinationPort = 80, sourcePort = 40_000): Flow => ({
  source,
  destination,
  protocol: TCP,
  sourcePort,
  destinationPort,
});

const out = ({ web }: Scene, destination = INTERNET, port = 80): Packet => ({
  ...tcp(web.privateIp, destination, port),
  tcp: { syn: true },
  from: web.slot,
});
const inbound = ({ web }: Scene, port = 80, source = INTERNET): Packet => ({
  ...tcp(source, web.publicIp, port),
  tcp: { syn: true },
});

function dropped(tables: TableReader, packet: Packet): DropReason | string {
  const { verdict } = trace(tables, packet);
  return verdict.kind === "drop" ? verdict.reason : verdict.kind;
}

describe("an exchange with the internet", () => {
  test("goes out with the public source, and its answer comes back to the private one", () => {
    const s = scene();
    const tables = s.tables();
    const memory = connectionMemory();
    const request = trace(tables, out(s), { connections: memory });
    assert.deepEqual(request.verdict, { kind: "internet" });
    assert.equal(request.packet.source, s.web.publicIp);
    assert.deepEqual(
      request.steps.map((step) => step.stage),
      [
        "parse",
        "admit",
        "services",
        "security_group_out",
        "network_acl_out",
        "route",
        "internet_gateway",
        "deliver",
      ],
    );
    memory.remember(request.connections);
    const answer = trace(tables, answerTo(request.packet), { connections: memory });
    assert.deepEqual(answer.verdict, { kind: "deliver", interface: s.web.slot });
    assert.equal(answer.packet.destination, s.web.privateIp);
    assert.equal(
      dropped(tables, answerTo(request.packet)),
      "security_group_in",
      "an answer that nobody asked for",
    );
  });

  test("comes in by a rule, and its answer needs none", () => {
    const s = scene();
    s.ec2("RevokeSecurityGroupEgress", {
      GroupId: s.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    });
    const tables = s.tables();
    const memory = connectionMemory();
    const request = trace(tables, inbound(s), { connections: memory });
    assert.deepEqual(request.verdict, { kind: "deliver", interface: s.web.slot });
    memory.remember(request.connections);
    const answer: Packet = { ...answerTo(request.packet), from: s.web.slot };
    const back = trace(tables, answer, { connections: memory });
    assert.deepEqual(back.verdict, { kind: "internet" });
    assert.equal(back.packet.source, s.web.publicIp);
    assert.equal(dropped(tables, out(s)), "security_group_out");
  });

  test("without the route arrives, and its answer drops", () => {
    const s = scene();
    s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" });
    const tables = s.tables();
    const request = trace(tables, inbound(s));
    assert.equal(request.verdict.kind, "deliver");
    const memory = connectionMemory();
    memory.remember(request.connections);
    const back = trace(tables, { ...answerTo(request.packet), from: s.web.slot }, { connections: memory });
    assert.deepEqual(back.verdict, { kind: "drop", reason: "no_route", interface: s.web.slot });
  });

  test("of a connection times out", () => {
    const s = scene();
    const tables = s.tables();
    const memory = connectionMemory();
    const ask: Packet = { ...out(s, INTERNET, 53), protocol: UDP };
    memory.remember(trace(tables, ask, { connections: memory, now: 0n }).connections);
    const answer = { ...answerTo(ask), destination: s.web.publicIp };
    const seconds = (n: number): bigint => BigInt(n) * 1_000_000_000n;
    assert.equal(trace(tables, answer, { connections: memory, now: seconds(29) }).verdict.kind, "deliver");
    assert.equal(trace(tables, answer, { connections: memory, now: seconds(30) }).verdict.kind, "drop");
  });
});

describe("a gateway that is missing", () => {
  test("drops both ways, and the route to it stays", () => {
    const s = scene();
    const before = s.tables();
    s.region.change((tx) => {
      const { vpcId: _, ...detached } = tx.get("internet-gateway", s.gateway) ?? assert.fail("the gateway");
      tx.put(detached);
    });
    const tables = s.tables();
    assert.equal(dropped(before, out(s)), "internet");
    assert.equal(dropped(tables, out(s)), "no_internet_gateway");
    assert.equal(dropped(tables, inbound(s)), "no_internet_gateway");
    assert.equal(
      tables.longestMatch(1, INTERNET)?.value.target,
      before.longestMatch(1, INTERNET)?.value.target,
    );
  });
});

/** What the interface of the first machine becomes, at the level of the state. */
const edit = (change: (eni: NetworkInterface) => NetworkInterface) => (s: Scene) => {
  s.region.change((tx) => tx.put(change(s.eni(s.web.eni))));
};
const nothing = (): void => undefined;
const acl = (egress: boolean, number: number, action: string, more: object) => (s: Scene) =>
  s.ec2("CreateNetworkAclEntry", {
    NetworkAclId: s.acl,
    Egress: egress,
    RuleNumber: number,
    RuleAction: action,
    Protocol: "6",
    CidrBlock: "0.0.0.0/0",
    PortRange: { From: 80, To: 80 },
    ...more,
  });

type Case = {
  readonly change: (s: Scene) => unknown;
  readonly packet: (s: Scene) => Packet;
  readonly expected: DropReason | string;
};

const CASES: Readonly<Record<string, Case>> = {
  IPv6: {
    change: nothing,
    packet: (s) => ({ ...out(s, "2001:db8:ffff::1"), source: "2001:db8::5" }),
    expected: "ipv6_not_offered",
  },
  "loopback as a source": {
    change: nothing,
    packet: (s) => ({ ...out(s), source: "127.0.0.1" }),
    expected: "malformed",
  },
  "nobody's link": {
    change: nothing,
    packet: (s) => ({ ...out(s), from: 999 }),
    expected: "unknown_interface",
  },
  "another's MAC address": {
    change: nothing,
    packet: (s) => ({ ...out(s), sourceMac: "02:00:00:00:00:99" }),
    expected: "spoofed_mac",
  },
  "another's address": {
    change: nothing,
    packet: (s) => ({ ...out(s), source: s.other.privateIp }),
    expected: "spoofed_source",
  },
  "another's address, check off": {
    change: edit((eni) => ({ ...eni, sourceDestCheck: false })),
    packet: (s) => ({ ...out(s), source: "10.9.9.9" }),
    expected: "no_public_ip",
  },
  multicast: { change: nothing, packet: (s) => out(s, "224.0.0.5"), expected: "multicast" },
  broadcast: { change: nothing, packet: (s) => out(s, "255.255.255.255"), expected: "broadcast" },
  "the subnet's broadcast": { change: nothing, packet: (s) => out(s, "10.0.1.255"), expected: "broadcast" },
  "link-local": { change: nothing, packet: (s) => out(s, "169.254.1.1"), expected: "link_local" },
  metadata: { change: nothing, packet: (s) => out(s, "169.254.169.254"), expected: "service" },
  "metadata on another port": {
    change: nothing,
    packet: (s) => out(s, "169.254.169.254", 81),
    expected: "no_such_service",
  },
  "DNS at +2": { change: nothing, packet: (s) => out(s, "10.0.0.2", 53), expected: "service" },
  "DNS turned off": {
    change: (s) => s.ec2("ModifyVpcAttribute", { VpcId: s.vpc, EnableDnsSupport: { Value: false } }),
    packet: (s) => out(s, "169.254.169.253", 53),
    expected: "dns_disabled",
  },
  "metadata past closed groups and ACLs": {
    change: acl(true, 1, "deny", { Protocol: "-1" }),
    packet: (s) => out(s, "169.254.169.254"),
    expected: "service",
  },
  "a deny in front of the allow": {
    change: acl(true, 99, "deny", {}),
    packet: (s) => out(s),
    expected: "network_acl_out",
  },
  "a deny behind the allow": {
    change: acl(true, 101, "deny", {}),
    packet: (s) => out(s),
    expected: "internet",
  },
  "a deny on the way in": {
    change: acl(false, 99, "deny", {}),
    packet: (s) => inbound(s),
    expected: "network_acl_in",
  },
  "a port that no rule names": {
    change: nothing,
    packet: (s) => inbound(s, 81),
    expected: "security_group_in",
  },
  "between subnets by a rule": {
    change: nothing,
    packet: (s) => out(s, s.other.privateIp),
    expected: "deliver",
  },
  "nobody there": {
    change: nothing,
    packet: (s) => out(s, "10.0.2.77"),
    expected: "no_such_private_address",
  },
  "nobody there, and no rule either": {
    change: (s) =>
      s.ec2("RevokeSecurityGroupEgress", {
        GroupId: s.group,
        IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
      }),
    packet: (s) => out(s, "10.0.2.77"),
    expected: "security_group_out",
  },
  "no route": {
    change: (s) => s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" }),
    packet: (s) => out(s),
    expected: "no_route",
  },
  "a private destination": {
    change: nothing,
    packet: (s) => out(s, "192.168.0.1"),
    expected: "private_destination",
  },
  "a shared destination": {
    change: nothing,
    packet: (s) => out(s, "100.64.0.1"),
    expected: "shared_destination",
  },
  "no public address": {
    change: edit((eni) => {
      const { autoPublicIp: _, ...rest } = eni;
      return rest;
    }),
    packet: (s) => out(s),
    expected: "no_public_ip",
  },
  "not mapped": {
    change: nothing,
    packet: (s) => ({ ...inbound(s), destination: "203.0.113.250" }),
    expected: "public_ip_not_mapped",
  },
  "not ours": {
    change: nothing,
    packet: (s) => ({ ...inbound(s), destination: "198.51.100.77" }),
    expected: "not_for_us",
  },
  "a private source": {
    change: nothing,
    packet: (s) => inbound(s, 80, "10.0.0.1"),
    expected: "private_source",
  },
  "a shared source": {
    change: nothing,
    packet: (s) => inbound(s, 80, "100.127.0.1"),
    expected: "shared_source",
  },
  "our own as a source": {
    change: nothing,
    packet: (s) => inbound(s, 80, "203.0.113.9"),
    expected: "own_source",
  },
  "too long": { change: nothing, packet: (s) => ({ ...out(s), length: 1501 }), expected: "too_big" },
  "too long, to be cut": {
    change: nothing,
    packet: (s) => ({ ...out(s), length: 1501, dontFragment: false }),
    expected: "internet",
  },
  "long inside": {
    change: nothing,
    packet: (s) => ({ ...out(s, s.other.privateIp), length: 9001 }),
    expected: "deliver",
  },
  "a headless fragment": {
    change: nothing,
    packet: (s) => ({ ...out(s), headless: true }),
    expected: "fragment_without_first",
  },
  "to one that is stopped": {
    change: (s) => s.ec2("StopInstances", { InstanceIds: [s.other.id] }),
    packet: (s) => out(s, s.other.privateIp),
    expected: "destination_down",
  },
  "from one that is stopped": {
    change: (s) => s.ec2("StopInstances", { InstanceIds: [s.web.id] }),
    packet: (s) => out(s),
    expected: "interface_down",
  },
  "an appliance that checks": {
    change: (s) =>
      s.ec2("CreateRoute", {
        RouteTableId: s.table,
        DestinationCidrBlock: "198.51.100.0/24",
        NetworkInterfaceId: s.other.eni,
      }),
    packet: (s) => out(s),
    expected: "destination_check",
  },
  "an appliance that stopped": {
    change: (s) => {
      s.ec2("CreateRoute", {
        RouteTableId: s.table,
        DestinationCidrBlock: "198.51.100.0/24",
        NetworkInterfaceId: s.other.eni,
      });
      s.ec2("StopInstances", { InstanceIds: [s.other.id] });
    },
    packet: (s) => out(s),
    expected: "blackhole",
  },
  "a route to oneself": {
    change: (s) =>
      s.ec2("CreateRoute", {
        RouteTableId: s.table,
        DestinationCidrBlock: "198.51.100.0/24",
        NetworkInterfaceId: s.web.eni,
      }),
    packet: (s) => out(s),
    expected: "route_loop",
  },
};

describe("one packet", () => {
  for (const [name, { change, packet, expected }] of Object.entries(CASES)) {
    test(`${name}: ${expected}`, () => {
      const s = scene();
      change(s);
      assert.equal(dropped(s.tables(), packet(s)), expected);
    });
  }
});

describe("from inside to a public address of ours", () => {
  test("passes the gateway out and in, and is seen from the public source", () => {
    const s = scene();
    const { verdict, packet, steps } = trace(s.tables(), out(s, s.other.publicIp));
    assert.deepEqual(verdict, { kind: "deliver", interface: s.other.slot });
    assert.deepEqual([packet.source, packet.destination], [s.web.publicIp, s.other.privateIp]);
    assert.equal(steps.filter((step) => step.stage === "internet_gateway").length, 2);
  });

  test("does not match a rule that names a group, which the private address does", () => {
    const s = scene();
    const pair = { UserIdGroupPairs: [{ GroupId: s.group }] };
    s.ec2("AuthorizeSecurityGroupIngress", {
      GroupId: s.group,
      IpPermissions: [{ IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, ...pair }],
    });
    const tables = s.tables();
    assert.equal(dropped(tables, out(s, s.other.privateIp, 5432)), "deliver");
    assert.equal(dropped(tables, out(s, s.other.publicIp, 5432)), "security_group_in");
  });
});

describe("ICMP errors", () => {
  test("about a remembered exchange come in without a rule, translated inside and out", () => {
    const s = scene();
    const tables = s.tables();
    const memory = connectionMemory();
    const request = trace(
      tables,
      { ...out(s), protocol: UDP, destinationPort: 33_434 },
      { connections: memory },
    );
    memory.remember(request.connections);
    const { from: _, ...seen } = request.packet;
    const error: Packet = {
      source: "198.51.100.9",
      destination: s.web.publicIp,
      protocol: ICMP,
      icmp: { type: 11, code: 0 },
      about: seen,
    };
    const { verdict, packet } = trace(tables, error, { connections: memory });
    assert.equal(verdict.kind, "deliver");
    assert.equal(packet.about?.source, s.web.privateIp);
    assert.equal(dropped(tables, error), "security_group_in", "nothing was asked");
  });
});

test("more connections than an interface may hold", () => {
  const s = scene();
  const tables = memoryTables(fullPlan([s.region.reader()], { ...SETTINGS, connectionLimit: 2 }));
  const memory = connectionMemory();
  const verdicts = [1, 2, 3].map((port) => {
    const { verdict, connections } = trace(tables, { ...out(s), sourcePort: port }, { connections: memory });
    memory.remember(connections);
    return verdict.kind === "drop" ? verdict.reason : verdict.kind;
  });
  assert.deepEqual(verdicts, ["internet", "internet", "connections_full"]);
});

test("a list whose rules are missing fails closed, and so do tables of another layout", () => {
  const s = scene();
  const full = fullPlan([s.region.reader()], SETTINGS);
  const holed = memoryTables(
    full.filter((entry) => entry.table !== "rule_chunks" || entry.key.kind !== RULE_LIST.security_group_out),
  );
  assert.equal(dropped(holed, out(s)), "tables_incomplete");
  assert.equal(
    dropped(memoryTables(full.filter((entry) => entry.table !== "settings")), out(s)),
    "tables_incomplete",
  );
});

test("steps stand in the order of the stages, out and then in", () => {
  const s = scene();
  const { steps } = trace(s.tables(), out(s, s.other.privateIp));
  const places = steps.map((step) => STAGES.indexOf(step.stage));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    steps.filter((step) => step.interface === s.other.slot).map((step) => step.stage),
    ["network_acl_in", "security_group_in", "deliver"],
  );
});
