import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { POOLS, randomRegion, randomSteps, SEED } from "./random-region.ts";
import { paste } from "./paste.ts";
import { type Scene, scene, SETTINGS } from "./scene.ts";
import { bootDone, haltDone } from "../src/actions/instance-lifecycle.ts";
import { present } from "../src/lib/assert.ts";
import { fullPlan } from "../src/plan/compile.ts";
import { memoryTables } from "../src/plan/memory-tables.ts";
import { type DropReason, DROPS } from "../src/plan/stages.ts";
import { connectionMemory } from "../src/reach/connection.ts";
import { explain } from "../src/reach/explain.ts";
import type { Explanation, Question } from "../src/reach/explanation.ts";
import { namesOf } from "../src/reach/names.ts";
import { natMemory } from "../src/reach/nat-connection.ts";
import { answerTo, type Packet, TCP } from "../src/reach/packet.ts";
import { type Trace, trace } from "../src/reach/trace.ts";

const INTERNET = "198.51.100.1";
const INTERNET_IPV6 = "2001:db8:ffff::1";

function explained(s: Scene, question: Question = { to: INTERNET }): Explanation {
  return explain(s.tables(), namesOf(s.region.reader(), s.eni(s.web.eni)), s.web.slot, question);
}

const wrong = (explanation: Explanation): readonly string[] => explanation.steps.filter((step) => !step.ok).map((step) => step.what);

describe("explain", () => {
  test("finds nothing wrong where all is well, and names the resources", () => {
    const s = scene();
    const { steps, out, in: inwards } = explained(s);
    assert.deepEqual([out, inwards], [true, true]);
    assert.deepEqual(
      steps.map((step) => [step.what, step.id, step.mend.length]),
      [
        ["instance", s.web.id, 0],
        ["internet_gateway", s.gateway, 0],
        ["route", s.table, 0],
        ["public_ip", s.web.eni, 0],
        ["security_group_out", s.group, 0],
        ["network_acl_out", s.acl, 0],
        ["network_acl_reply_in", s.acl, 0],
        ["network_acl_in", s.acl, 0],
        ["security_group_in", s.group, 0],
        ["network_acl_reply_out", s.acl, 0],
      ],
    );
  });

  test("names the one condition that is missing, with its code", () => {
    const s = scene();
    s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" });
    const explanation = explained(s);
    assert.deepEqual(wrong(explanation), ["route"]);
    const step = present(
      explanation.steps.find(({ what }) => what === "route"),
      "the step",
    );
    assert.equal(step.code, "NO_ROUTE_TO_DESTINATION");
    const command = `aws ec2 create-route --route-table-id ${s.table} --destination-cidr-block 0.0.0.0/0 --gateway-id ${s.gateway}`;
    assert.deepEqual(step.mend, [command]);
  });

  test("a detached gateway that the route still names is the gateway's fault alone, and that one is to be attached", () => {
    const s = scene();
    s.region.change((tx) => {
      const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
      tx.put(detached);
    });
    s.ec2("CreateInternetGateway", {});
    const explanation = explained(s);
    assert.deepEqual(wrong(explanation), ["internet_gateway"]);
    const command = `aws ec2 attach-internet-gateway --vpc-id ${s.vpc} --internet-gateway-id ${s.gateway}`;
    assert.deepEqual(explanation.steps.find((step) => !step.ok)?.mend, [command]);
  });

  test("without a question about a port it is port 80, whatever else the groups admit; and the step says so", () => {
    const s = scene();
    s.ec2("RevokeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" });
    assert.deepEqual(wrong(explained(s)), ["security_group_in"]);
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "udp", FromPort: 5000, ToPort: 5001, CidrIp: "0.0.0.0/0" });
    const asked = ({ steps }: Explanation): string | undefined => steps.find(({ ok }) => !ok)?.params["asked"];
    assert.deepEqual([wrong(explained(s)), asked(explained(s))], [["security_group_in"], "default"]);
    assert.deepEqual(wrong(explained(s, { to: INTERNET, protocol: "udp", port: 5000 })), []);
    const ssh = explained(s, { to: INTERNET, port: 22 });
    assert.deepEqual([wrong(ssh), asked(ssh)], [["security_group_in"], undefined]);
  });

  test("a reply needs all ephemeral ports of the stateless ACL", () => {
    const s = scene();
    const entry = { NetworkAclId: s.acl, RuleNumber: 50, RuleAction: "deny", Protocol: "6", CidrBlock: "0.0.0.0/0" };
    s.ec2("CreateNetworkAclEntry", { ...entry, Egress: false, PortRange: { From: 50_000, To: 50_000 } });
    const explanation = explained(s);
    assert.deepEqual(wrong(explanation), ["network_acl_reply_in"]);
    assert.deepEqual([explanation.out, explanation.in], [false, true]);
  });

  test("of a stopped instance, the start is all that is advised where it brings a public IP too", () => {
    const s = scene();
    s.ec2("StopInstances", { InstanceIds: [s.web.id] });
    s.region.change((tx, context) => haltDone(tx, s.web.id, context));
    const stopped = explained(s);
    assert.deepEqual(wrong(stopped), ["instance", "public_ip"]);
    assert.deepEqual(
      stopped.steps.flatMap((step) => step.mend),
      [`aws ec2 start-instances --instance-ids ${s.web.id}`],
    );
    s.ec2("StartInstances", { InstanceIds: [s.web.id] });
    s.region.change((tx, context) => bootDone(tx, s.web.id, context));
    assert.deepEqual(wrong(explained(s)), []);
  });

  test("of a stopped instance that gets no public IP at its start, an Elastic IP is advised", () => {
    const s = scene();
    s.region.change((tx) => tx.put({ ...s.eni(s.web.eni), assignPublicIp: false }));
    s.ec2("StopInstances", { InstanceIds: [s.web.id] });
    s.region.change((tx, context) => haltDone(tx, s.web.id, context));
    const step = explained(s).steps.find(({ what }) => what === "public_ip");
    assert.match(step?.mend[0] ?? "", /associate-address/);
  });

  test("a destination that the internet cannot carry has no mend", () => {
    const s = scene();
    const step = explained(s, { to: "192.168.1.1" }).steps.find(({ what }) => what === "destination");
    assert.deepEqual([step?.ok, step?.code, step?.mend], [false, DROPS.private_destination.code, []]);
  });

  test("says the region in every command when asked to", () => {
    const s = scene();
    s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" });
    const names = namesOf(s.region.reader(), s.eni(s.web.eni), "eu-west-1");
    const { steps } = explain(s.tables(), names, s.web.slot, { to: INTERNET });
    assert.ok(steps.flatMap((step) => step.mend).every((command) => command.endsWith(" --region eu-west-1")));
  });
});

/** The step that a drop on the way out is to be found in; the other reasons are the route's. */
const BLAMED: Partial<Record<DropReason, string>> = {
  interface_down: "instance",
  no_internet_gateway: "internet_gateway",
  no_public_ip: "public_ip",
  private_destination: "destination",
  shared_destination: "destination",
  security_group_out: "security_group_out",
  network_acl_out: "network_acl_out",
  block_public_access: "block_public_access",
  nat_private: "nat_gateway",
};
/** The same of a way that stays inside. */
const BLAMED_INSIDE: Partial<Record<DropReason, string>> = {
  interface_down: "instance",
  no_such_private_address: "inside_target",
  destination_down: "inside_target_up",
  security_group_out: "security_group_out",
  security_group_in: "security_group_in",
  network_acl_out: "network_acl_out",
  network_acl_in: "network_acl_in",
};
/** Where else the fault may lie: a route that names another gateway than the attached one; a NAT gateway's subnet. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  internet_gateway: ["route", "nat_gateway_route"],
  route: ["nat_gateway_route", "nat_acl_in"],
  public_ip: ["nat_gateway"],
  network_acl_out: ["nat_acl_out"],
};

test("what explain says is what packets do, in random regions", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      randomSteps(45),
      fc.constantFrom(INTERNET, "192.168.0.1", "10.1.0.9", "another", "another", INTERNET_IPV6, INTERNET_IPV6, "fd00::1"),
      (steps, asked) => {
        const region = randomRegion();
        for (const step of steps) region.run(step);
        const reader = region.reader();
        const tables = memoryTables(fullPlan([reader], { ...SETTINGS, pools: POOLS }));
        const interfaces = reader.list("network-interface").filter(({ natGatewayId }) => natGatewayId === undefined);
        for (const [place, eni] of interfaces.entries()) {
          const other = interfaces[(place + 1) % interfaces.length];
          const to = asked === "another" ? (other?.privateIpAddresses[0] ?? INTERNET) : asked;
          const explanation = explain(tables, namesOf(reader, eni), eni.slot, { to, protocol: "tcp", port: 80 });
          const row = present(tables.lookup("interfaces", eni.slot), "the row");
          const isIpv6 = to.includes(":");
          const [privateIp, publicIp] = isIpv6 ? [row.ipv6, row.ipv6] : [row.private_ip, row.public_ip];
          if (isIpv6 && row.ipv6 === "::") {
            assert.deepEqual([explanation.out, explanation.in], [false, false]);
            continue;
          }
          const ask: Packet = { source: privateIp, destination: to, protocol: TCP, destinationPort: 80, tcp: { syn: true } };
          const isInside = explanation.inside === true;
          const caller = isInside ? namesOf(reader, eni).holderOf(to)?.slot : undefined;
          const called: Packet = {
            ...ask,
            source: to,
            destination: isInside ? privateIp : publicIp,
            ...(caller === undefined ? {} : { from: caller }),
          };
          // Whoever forwards is no part of the tables.
          if (explanation.depends !== undefined) continue;
          for (const sourcePort of [1024, 40_000, 65_535]) {
            const memory = connectionMemory();
            const nat = natMemory();
            const remember = (traced: Trace): Trace => {
              memory.remember(traced.connections);
              nat.remember(traced.nat);
              return traced;
            };
            const run = (packet: Packet): Trace => remember(trace(tables, packet, { connections: memory, nat }));
            const request = run({ ...ask, sourcePort, from: eni.slot });
            if (explanation.out) {
              assert.equal(request.verdict.kind, isInside ? "deliver" : "internet");
              const { from: _, ...seenOutside } = request.packet;
              const answer = { ...answerTo(seenOutside), ...(caller === undefined ? {} : { from: caller }) };
              assert.equal(run(answer).verdict.kind, "deliver");
              if (isInside) seen.add(namesOf(reader, eni).peerings.length > 0 ? "inside, with a peer" : "inside");
            } else if (request.verdict.kind === "drop") {
              seen.add(request.verdict.reason);
              const stage = isInside
                ? (BLAMED_INSIDE[request.verdict.reason] ?? "inside_route")
                : (BLAMED[request.verdict.reason] ?? "route");
              // A route that names another gateway than the one that is attached is the fault, not the one that is attached.
              const blamed = new Set([stage, ...(ELSEWHERE[stage] ?? [])]);
              assert.ok(
                wrong(explanation).some((step) => blamed.has(step)),
                `${request.verdict.reason}: ${wrong(explanation).join(", ")}`,
              );
            }
            if (explanation.in) {
              const arrived = run({ ...called, sourcePort });
              assert.equal(arrived.verdict.kind, "deliver");
              assert.equal(run({ ...answerTo(arrived.packet), from: eni.slot }).verdict.kind, isInside ? "deliver" : "internet");
            }
          }
          if (explanation.out) seen.add(isIpv6 ? "out over IPv6" : "out");
          if (explanation.in) seen.add(isIpv6 ? "in over IPv6" : "in");
        }
      },
    ),
    { numRuns: 400, seed: SEED },
  );
  if (SEED !== 1) return;
  for (const what of [
    "out",
    "in",
    "out over IPv6",
    "in over IPv6",
    "inside",
    "no_route",
    "blackhole",
    "no_public_ip",
    "interface_down",
    "security_group_out",
  ])
    assert.ok(seen.has(what), `${what} was seen: ${[...seen].join(", ")}`);
});

describe("a host inside", () => {
  const run = (s: Scene, question: Question): readonly string[] => {
    const told: string[] = [];
    for (let round = 0; round < 12; round++) {
      const step = explained(s, question).steps.find(({ ok, mend }) => !ok && mend.length > 0);
      if (!step) break;
      told.push(step.what);
      for (const command of step.mend) paste(s, command);
    }
    return told;
  };

  test("in the same VPC meets no gateway: what the groups and ACLs of both ends say counts", () => {
    const s = scene();
    const question = { to: s.other.privateIp };
    const good = explained(s, question);
    assert.deepEqual([good.out, good.in, good.inside, wrong(good)], [true, true, true, []]);
    s.ec2("RevokeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" });
    const closed = explained(s, question);
    assert.deepEqual([closed.out, closed.in, wrong(closed)], [false, false, ["security_group_in", "security_group_in"]]);
    const command = `aws ec2 authorize-security-group-ingress --group-id ${s.group} --protocol tcp --port 80 --cidr ${s.web.privateIp}/32`;
    assert.deepEqual(closed.steps.find(({ ok }) => !ok)?.mend, [command], "for this host alone");
    assert.deepEqual(run(s, question), ["security_group_in", "security_group_in"]);
    assert.deepEqual(wrong(explained(s, question)), []);
    assert.deepEqual(wrong(explained(s, { to: "10.0.2.99" })), ["inside_target"]);
  });

  test("a rule that names a group admits its members", () => {
    const s = scene();
    s.ec2("RevokeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" });
    const members = { IpProtocol: "tcp", FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: s.group }] };
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpPermissions: [members] });
    assert.deepEqual(wrong(explained(s, { to: s.other.privateIp })), []);
  });

  test("in a peered VPC: the acceptance and both routes are named and mended, and no route is lost", () => {
    const s = scene();
    const peer = withPeer(s);
    const question = { to: peer.ip };
    const pending = explained(s, question);
    assert.deepEqual(wrong(pending), ["peering", "inside_route", "inside_route_back", "security_group_in"]);
    assert.deepEqual(pending.steps.find(({ what }) => what === "peering")?.mend, [
      `aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${peer.connection}`,
    ]);
    assert.deepEqual(run(s, question), ["peering", "inside_route", "inside_route_back", "security_group_in"]);
    const { out, in: inwards, steps } = explained(s, question);
    assert.deepEqual([out, inwards, steps.filter(({ ok }) => !ok)], [true, true, []]);
    assert.deepEqual(wrong(explained(s)), [], "the way to the internet stands as before");
    assert.deepEqual(
      s.region
        .reader()
        .by("route", "routeTableId", s.table)
        .map(({ destination }) => destination)
        .toSorted(),
      ["0.0.0.0/0", "10.9.0.0/16"],
    );
  });
});

function madeBy(answer: object, prefix: string): string {
  return present(new RegExp(`"(${prefix}-[0-9a-f]{17})"`).exec(JSON.stringify(answer))?.[1], prefix);
}

/** A VPC 10.9.0.0/16 with a running instance behind a closed group, and a connection that waits for its acceptance. */
function withPeer(s: Scene): { readonly ip: string; readonly connection: string } {
  const vpc = madeBy(s.ec2("CreateVpc", { CidrBlock: "10.9.0.0/16" }), "vpc");
  const subnet = madeBy(s.ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.9.1.0/24" }), "subnet");
  const group = madeBy(s.ec2("CreateSecurityGroup", { VpcId: vpc, GroupName: "closed", Description: "closed" }), "sg");
  const launch = { ImageId: "ami-0123456789abcdef0", MinCount: 1, MaxCount: 1, SubnetId: subnet, SecurityGroupIds: [group] };
  s.ec2("RunInstances", launch);
  const instance = present(s.region.reader().by("instance", "vpcId", vpc)[0], "the instance");
  s.region.change((tx, context) => bootDone(tx, instance.id, context));
  const [eni] = s.region.reader().by("network-interface", "instanceId", instance.id);
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.vpc, PeerVpcId: vpc });
  const [connection] = s.region.reader().list("vpc-peering-connection");
  return { ip: present(eni?.privateIpAddresses[0], "its address"), connection: present(connection, "the connection").id };
}

test("a route through an appliance is followed as far as the tables go, and never bypassed", () => {
  const s = scene();
  s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0", NetworkInterfaceId: s.other.eni });
  const checked = explained(s);
  assert.deepEqual([checked.out, wrong(checked)], [false, ["appliance"]]);
  const step = present(
    checked.steps.find(({ ok }) => !ok),
    "the step",
  );
  assert.deepEqual(
    [step.id, step.code, step.params["target"], step.mend],
    [
      s.other.eni,
      "ENI_SOURCE_DEST_CHECK_RESTRICTION",
      s.other.eni,
      [`aws ec2 modify-network-interface-attribute --network-interface-id ${s.other.eni} --no-source-dest-check`],
    ],
  );
  for (const command of step.mend) paste(s, command);
  const left = explained(s);
  assert.deepEqual([left.out, left.in, left.depends, wrong(left)], [true, true, s.other.eni, []]);
});

test("an appliance before a peered VPC is not bypassed, on the way there or back", () => {
  const s = scene();
  const peer = withPeer(s);
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
  const over = { DestinationCidrBlock: "10.9.0.0/16", VpcPeeringConnectionId: peer.connection };
  s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "10.9.0.0/16", NetworkInterfaceId: s.other.eni });
  const there = explained(s, { to: peer.ip });
  assert.deepEqual([there.depends, wrong(there)], [s.other.eni, ["appliance"]]);
  s.ec2("ReplaceRoute", { RouteTableId: s.table, ...over });
  // Back, it goes to the appliance of the peer's.
  const reader = s.region.reader();
  const peerVpc = present(
    reader.list("vpc").find(({ id }) => id !== s.vpc),
    "the peer",
  );
  const { subnetId, groupIds } = present(
    reader.list("network-interface").find(({ vpcId }) => vpcId === peerVpc.id),
    "its interface",
  );
  const launch = { ImageId: "ami-0123456789abcdef0", MinCount: 1, MaxCount: 1, SubnetId: subnetId, SecurityGroupIds: groupIds };
  const appliance = madeBy(s.ec2("RunInstances", launch), "i");
  s.region.change((tx, context) => bootDone(tx, appliance, context));
  const eni = present(s.region.reader().by("network-interface", "instanceId", appliance)[0], "its interface").id;
  const { routeTableId } = peerVpc.mainRouteTable;
  s.ec2("CreateRoute", { RouteTableId: routeTableId, DestinationCidrBlock: "10.0.0.0/16", NetworkInterfaceId: eni });
  const back = explained(s, { to: peer.ip });
  assert.deepEqual([back.depends, wrong(back)], [eni, ["appliance_back", "security_group_in"]]);
  const commands = back.steps.flatMap(({ mend }) => mend);
  assert.ok(!commands.some((command) => command.includes("-route ")), "no route is touched");
  for (const command of commands) paste(s, command);
  const left = explained(s, { to: peer.ip });
  assert.deepEqual([left.depends, left.out, left.in, wrong(left)], [eni, true, true, []]);
});

test("for a private address beyond the peered VPCs no commands are advised, whatever else is missing", () => {
  const s = scene();
  const peer = withPeer(s);
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
  s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "10.9.0.0/16", VpcPeeringConnectionId: peer.connection });
  s.ec2("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
  const { out, steps } = explained(s, { to: peer.ip, port: 22 });
  assert.deepEqual([out, steps.flatMap(({ mend }) => mend)], [false, []]);
  assert.equal(steps.find(({ what }) => what === "destination")?.params["sender"], s.web.id);
});

test("a route over a peering connection is never given to the internet gateway", () => {
  const s = scene();
  const peer = withPeer(s);
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
  s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0", VpcPeeringConnectionId: peer.connection });
  const explanation = explained(s);
  assert.deepEqual([wrong(explanation), explanation.steps.flatMap(({ mend }) => mend)], [["route"], []]);
});

test("an instance without a public IP is sent to the VPC's NAT gateway, not to the internet gateway", () => {
  const s = scene();
  s.region.change((tx) => {
    const { autoPublicIp: _, ...eni } = s.eni(s.web.eni);
    tx.put({ ...eni, assignPublicIp: false });
  });
  const publicTable = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
  s.ec2("AssociateRouteTable", { RouteTableId: publicTable, SubnetId: s.otherSubnet });
  s.ec2("CreateRoute", { RouteTableId: publicTable, DestinationCidrBlock: "0.0.0.0/0", GatewayId: s.gateway });
  const nat = (): string => {
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    return madeBy(s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId }), "nat");
  };
  const first = nat();
  s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" });
  const way = `--route-table-id ${s.table} --destination-cidr-block 0.0.0.0/0 --nat-gateway-id`;
  const mend = (): readonly string[] => explained(s).steps.flatMap((one) => one.mend);
  assert.deepEqual(mend(), [`aws ec2 create-route ${way} ${first}`]);
  for (const command of mend()) paste(s, command);
  const good = explained(s);
  assert.deepEqual([good.out, good.in, wrong(good), mend()], [true, false, ["nat_answers"], []]);
  // Its own is gone, and another one there.
  s.ec2("DeleteNatGateway", { NatGatewayId: first });
  const second = nat();
  assert.deepEqual(mend(), [`aws ec2 replace-route ${way} ${second}`]);
});

test("a NAT gateway that goes by the very route table that it should serve is told as such, in whichever subnet it stands", () => {
  for (const place of ["subnet", "otherSubnet"] as const) {
    const s = scene();
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    const nat = madeBy(s.ec2("CreateNatGateway", { SubnetId: s[place], AllocationId }), "nat");
    s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: nat });
    const { steps } = explained(s);
    const step = steps.find(({ what }) => what === "nat_gateway_route");
    assert.deepEqual([step?.ok, step?.params["comes"], steps.flatMap(({ mend }) => mend)], [false, "elsewhere", []]);
  }
});

test("the commands for one list have numbers of their own", () => {
  const s = scene();
  deny(s, false, 50);
  s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true });
  const commands = explained(s).steps.flatMap((step) => step.mend);
  assert.equal(commands.length, 4);
  for (const command of commands) paste(s, command);
  assert.deepEqual(wrong(explained(s)), []);
});

test("of IPv6, what waits for the subnet's block is held back", () => {
  const s = scene();
  const commands = explained(s, { to: INTERNET_IPV6 }).steps.flatMap((step) => step.mend);
  assert.deepEqual(commands, [`aws ec2 associate-vpc-cidr-block --vpc-id ${s.vpc} --amazon-provided-ipv6-cidr-block`]);
});

test("over IPv6, the commands mend everything from nothing on", () => {
  for (const question of [
    { to: INTERNET_IPV6 },
    { to: INTERNET_IPV6, protocol: "icmp" },
    { to: INTERNET_IPV6, protocol: "udp", port: 53 },
  ] as const) {
    const s = scene();
    const told: string[] = [];
    for (let round = 0; round < 12; round++) {
      const step = explained(s, question).steps.find(({ ok, mend }) => !ok && mend.length > 0);
      if (!step) break;
      told.push(step.what);
      for (const command of step.mend) paste(s, command);
    }
    assert.deepEqual(
      told.slice(0, 4),
      ["ipv6_block", "ipv6_block", "ipv6_address", "route"],
      "the VPC's block, the subnet's, an address, a route",
    );
    const { out, in: inwards, steps } = explained(s, question);
    assert.deepEqual(
      steps.filter(({ ok }) => !ok),
      [],
    );
    assert.deepEqual([out, inwards], [true, true]);
    // And by an egress-only gateway the way out is enough.
    s.ec2("CreateEgressOnlyInternetGateway", { VpcId: s.vpc });
    const [gateway] = s.region.reader().list("egress-only-internet-gateway");
    s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: gateway?.id });
    const egress = explained(s, question);
    assert.deepEqual([egress.out, egress.in], [true, false]);
    assert.deepEqual(wrong(egress), ["egress_only"]);
  }
});

test("the commands mend everything, run one after another as they stand", () => {
  const faults: readonly ((s: Scene) => void)[] = [
    (s) => s.ec2("StopInstances", { InstanceIds: [s.web.id] }),
    (s) => s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: "0.0.0.0/0" }),
    (s) =>
      s.region.change((tx) => {
        const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
        tx.put(detached);
      }),
    (s) => s.region.change((tx) => tx.delete("internet-gateway", s.gateway)),
    (s) =>
      s.region.change((tx) => {
        const { autoPublicIp: _, ...eni } = s.eni(s.web.eni);
        tx.put({ ...eni, assignPublicIp: false });
      }),
    (s) => {
      const everything = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
      s.ec2("RevokeSecurityGroupEgress", { GroupId: s.group, IpPermissions: [everything] });
    },
    (s) => s.ec2("RevokeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" }),
    (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true }),
    (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: false }),
    (s) => deny(s, true, 1),
    (s) => deny(s, false, 2),
    (s) => s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: `${INTERNET}/32`, NetworkInterfaceId: s.other.eni }),
  ];
  const questions: readonly Question[] = [
    { to: INTERNET },
    { to: INTERNET, protocol: "icmp" },
    { to: INTERNET, protocol: "udp", port: 53 },
  ];
  fc.assert(
    fc.property(fc.subarray([...faults]), fc.constantFrom(...questions), (chosen, question) => {
      const s = scene();
      for (const fault of chosen) attempt(() => fault(s));
      for (let round = 0; round < 12; round++) {
        const step = explained(s, question).steps.find(({ ok, mend }) => !ok && mend.length > 0);
        if (!step) break;
        for (const command of step.mend) paste(s, command);
      }
      assert.deepEqual(wrong(explained(s, question)), []);
    }),
    { numRuns: 100 },
  );
});

function deny(s: Scene, Egress: boolean, RuleNumber: number): void {
  s.ec2("CreateNetworkAclEntry", { NetworkAclId: s.acl, Egress, RuleNumber, RuleAction: "deny", Protocol: "-1", CidrBlock: "0.0.0.0/0" });
}

/** A fault that another one made impossible is none. */
function attempt(body: () => void): void {
  try {
    body();
  } catch {
    return;
  }
}
