/**
 * What `genkan explain` says of what stands on the way: appliances, peerings, routes, NAT gateways, and of
 * IPv6.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bootDone } from "../../src/actions/instance/instance-lifecycle.ts";
import { present } from "../../src/lib/assert.ts";
import { commandsIn, hopOf, wrong } from "../kit/explain.ts";
import { scene } from "../kit/scene.ts";
import {
  all,
  commands,
  deleteDefault,
  EVERYWHERE,
  explained,
  INTERNET,
  INTERNET_IPV6,
  madeBy,
  makePrivate,
  mend,
  outward,
  ownTable,
  stop,
  verdicts,
  withIpv6,
  withPeer,
} from "./small-region.ts";

describe("an appliance", () => {
  test("on the way is followed as far as the tables go, and never bypassed", () => {
    const s = scene();
    s.ec2("ReplaceRoute", {
      RouteTableId: s.table,
      DestinationCidrBlock: EVERYWHERE,
      NetworkInterfaceId: s.other.eni,
    });
    const checked = explained(s);
    assert.deepEqual(all(checked), [["destination_check"], ["security_group_in", "destination_check"]]);
    assert.deepEqual(commands(checked).slice(0, 1), [
      `aws ec2 modify-network-interface-attribute --network-interface-id ${s.other.eni} --no-source-dest-check`,
    ]);
    const hop = hopOf(present(checked.exchanges[0], "out"), "destination_check");
    assert.deepEqual([hop?.id, hop?.code], [s.other.id, "ENI_SOURCE_DEST_CHECK_RESTRICTION"]);
    const left = mend(s);
    assert.deepEqual(
      [left.ok, left.exchanges.map(({ verdict, depends }) => [verdict, depends])],
      [
        true,
        [
          ["forwarded", s.other.eni],
          ["forwarded", s.other.eni],
        ],
      ],
    );
  });

  test("behind the gateway's own route table that is stopped is started, and its routes stay", () => {
    const s = scene();
    ownTable(s);
    const edge = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
    s.ec2("AssociateRouteTable", { RouteTableId: edge, GatewayId: s.gateway });
    s.ec2("ModifyNetworkInterfaceAttribute", {
      NetworkInterfaceId: s.other.eni,
      SourceDestCheck: { Value: false },
    });
    s.ec2("AuthorizeSecurityGroupIngress", {
      GroupId: s.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }],
    });
    s.ec2("CreateRoute", {
      RouteTableId: edge,
      DestinationCidrBlock: "10.0.1.0/24",
      NetworkInterfaceId: s.other.eni,
    });
    stop(s, s.other.id);
    const answer = explained(s);
    assert.deepEqual(all(answer), [["blackhole"], ["blackhole"]]);
    assert.equal(hopOf(present(answer.exchanges[1], "in"), "blackhole")?.params["target"], s.other.eni);
    assert.deepEqual(commands(answer), [`aws ec2 start-instances --instance-ids ${s.other.id}`]);
    assert.deepEqual(verdicts(mend(s)), ["forwarded", "forwarded"]);
    assert.equal(s.region.reader().by("route", "routeTableId", edge).length, 1);
  });

  test("that the subnet's own route leads to, and that is stopped, is started, and the route stays", () => {
    const s = scene();
    const table = ownTable(s);
    s.ec2("ReplaceRoute", {
      RouteTableId: table,
      DestinationCidrBlock: EVERYWHERE,
      NetworkInterfaceId: s.other.eni,
    });
    s.ec2("ModifyNetworkInterfaceAttribute", {
      NetworkInterfaceId: s.other.eni,
      SourceDestCheck: { Value: false },
    });
    s.ec2("AuthorizeSecurityGroupIngress", {
      GroupId: s.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }],
    });
    stop(s, s.other.id);
    const answer = explained(s, { direction: "out" });
    assert.deepEqual(
      [all(answer), commands(answer)],
      [[["blackhole"]], [`aws ec2 start-instances --instance-ids ${s.other.id}`]],
    );
    assert.deepEqual(verdicts(mend(s, { direction: "out" })), ["forwarded"]);
    const [kept] = s.region.reader().by("route", "target", s.other.eni);
    assert.deepEqual([kept?.routeTableId, kept?.destination], [table, EVERYWHERE]);
  });

  test("before a peered VPC is not bypassed, on the way there or back", () => {
    const s = scene();
    const peer = withPeer(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("CreateRoute", {
      RouteTableId: s.table,
      DestinationCidrBlock: "10.9.0.0/16",
      NetworkInterfaceId: s.other.eni,
    });
    const there = outward(s, { to: peer.ip });
    assert.deepEqual([there.depends, wrong(there)], [s.other.eni, ["destination_check"]]);
    const to = { DestinationCidrBlock: "10.9.0.0/16", VpcPeeringConnectionId: peer.connection };
    s.ec2("ReplaceRoute", { RouteTableId: s.table, ...to });
    // Back, it goes to an appliance of the peer's.
    const reader = s.region.reader();
    const peerVpc = present(
      reader.list("vpc").find(({ id }) => id !== s.vpc),
      "the peer",
    );
    const [{ subnetId, groupIds }] = [
      present(reader.by("network-interface", "vpcId", peerVpc.id)[0], "its interface"),
    ];
    const launch = {
      ImageId: "ami-0123456789abcdef0",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnetId,
      SecurityGroupIds: groupIds,
    };
    const appliance = madeBy(s.ec2("RunInstances", launch), "i");
    s.region.change((tx, context) => bootDone(tx, appliance, context));
    const eni = present(
      s.region.reader().by("network-interface", "instanceId", appliance)[0],
      "its interface",
    ).id;
    const { routeTableId } = peerVpc.mainRouteTable;
    s.ec2("CreateRoute", {
      RouteTableId: routeTableId,
      DestinationCidrBlock: "10.0.0.0/16",
      NetworkInterfaceId: eni,
    });
    const back = outward(s, { to: peer.ip });
    assert.deepEqual(
      [back.depends, wrong(back)],
      [eni, ["security_group_in", "security_group_in", "destination_check"]],
    );
    assert.ok(
      !commandsIn({ exchanges: [back] }).some((line) => line.includes("-route ")),
      "no route is touched",
    );
  });
});

describe("a peering connection", () => {
  test("is named where it carries nothing further, with AWS's code, and nothing is proposed that changes nothing", () => {
    const s = scene();
    const peer = withPeer(s);
    makePrivate(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("ReplaceRoute", {
      RouteTableId: s.table,
      DestinationCidrBlock: EVERYWHERE,
      VpcPeeringConnectionId: peer.connection,
    });
    const answer = explained(s);
    const hop = hopOf(present(answer.exchanges[0], "out"), "no_peer_address");
    assert.equal(hop?.code, "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR");
    assert.match(hop?.params["route"] ?? "", new RegExp(`^${peer.connection}$`));
    assert.deepEqual([verdicts(answer), commands(answer)], [["blocked", "blocked"], []]);
  });

  test("that is gone gets no commands, whatever else is missing", () => {
    const s = scene();
    const peer = withPeer(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("CreateRoute", {
      RouteTableId: s.table,
      DestinationCidrBlock: "10.9.0.0/16",
      VpcPeeringConnectionId: peer.connection,
    });
    s.ec2("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    const answer = explained(s, { to: peer.ip, port: "22" });
    assert.deepEqual([answer.ok, commands(answer)], [false, []]);
  });
});

describe("a route", () => {
  test("that another table has is gained by associating that table: the main one stays as it is", () => {
    const s = scene();
    deleteDefault(s);
    const ready = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
    s.ec2("CreateRoute", { RouteTableId: ready, DestinationCidrBlock: EVERYWHERE, GatewayId: s.gateway });
    assert.deepEqual(commands(explained(s)), [
      `aws ec2 associate-route-table --route-table-id ${ready} --subnet-id ${s.subnet}`,
    ]);
    assert.equal(mend(s).ok, true);
    assert.deepEqual(s.region.reader().by("route", "routeTableId", s.table), []);
  });

  test("is never put into the main table that another subnet follows too: the subnet gets its own, with all that it had", () => {
    const s = scene();
    const peer = withPeer(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("CreateRoute", {
      RouteTableId: s.table,
      DestinationCidrBlock: "10.9.0.0/16",
      VpcPeeringConnectionId: peer.connection,
    });
    deleteDefault(s);
    assert.equal(mend(s).ok, true);
    const destinations = (table: string): readonly string[] =>
      s.region
        .reader()
        .by("route", "routeTableId", table)
        .map(({ destination }) => destination)
        .toSorted();
    assert.deepEqual(destinations(s.table), ["10.9.0.0/16"]);
    const own = present(s.region.reader().get("subnet", s.subnet)?.routeTableAssociation, "its table");
    assert.deepEqual(destinations(own.routeTableId), [EVERYWHERE, "10.9.0.0/16"]);
  });

  test("by which a new gateway is reached waits for its attachment, and both are told", () => {
    const s = scene();
    ownTable(s);
    makePrivate(s);
    s.region.change((tx) => {
      const { autoPublicIp: _, ...eni } = s.eni(s.other.eni);
      tx.put(eni);
      for (const route of tx.list("route")) tx.delete("route", route.id);
      tx.delete("internet-gateway", s.gateway);
    });
    const out = outward(s);
    assert.deepEqual(wrong(out), ["no_route", "no_internet_gateway", "no_public_ip"]);
    assert.equal(hopOf(out, "no_internet_gateway")?.repeated, true);
    assert.deepEqual(verdicts(mend(s)), ["passes", "passes"]);
  });
});

describe("a NAT gateway", () => {
  test("of the VPC is where an instance without a public IP is sent, not the internet gateway", () => {
    const s = scene();
    makePrivate(s);
    const table = ownTable(s);
    s.ec2("DeleteRoute", { RouteTableId: table, DestinationCidrBlock: EVERYWHERE });
    const nat = (): string => {
      const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
      return madeBy(s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId }), "nat");
    };
    const first = nat();
    const way = `--route-table-id ${table} --destination-cidr-block 0.0.0.0/0 --nat-gateway-id`;
    const question = { direction: "out" };
    assert.deepEqual(commands(explained(s, question)), [`aws ec2 create-route ${way} ${first}`]);
    assert.equal(mend(s, question).ok, true);
    const both = explained(s);
    assert.deepEqual(
      [verdicts(both), commands(both)],
      [["passes", "blocked"], []],
      "nobody comes in, and nothing changes that",
    );
    assert.equal(wrong(present(both.exchanges[1], "in")).at(-1), "nat_answers");
    // That one is gone, and another one there.
    s.ec2("DeleteNatGateway", { NatGatewayId: first });
    const second = nat();
    assert.deepEqual(commands(explained(s, question)), [`aws ec2 replace-route ${way} ${second}`]);
  });

  test("that is routed by the same route table that leads to it is reported as such, in whichever subnet it is", () => {
    for (const place of ["subnet", "otherSubnet"] as const) {
      const s = scene();
      const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
      const nat = madeBy(s.ec2("CreateNatGateway", { SubnetId: s[place], AllocationId }), "nat");
      s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: EVERYWHERE, NatGatewayId: nat });
      const answer = explained(s);
      assert.equal(hopOf(present(answer.exchanges[0], "out"), "nat_loop")?.params["nat"], nat);
      assert.deepEqual(commands(answer), []);
    }
  });
});

test("for IPv6, the gateway that the route leads to is named as the one that carries no private address", () => {
  const s = scene();
  withIpv6(s);
  const egressOnly = madeBy(s.ec2("CreateEgressOnlyInternetGateway", { VpcId: s.vpc }), "eigw");
  const route = { RouteTableId: s.table, DestinationIpv6CidrBlock: "::/0" };
  const blamed = (): string | undefined => {
    const answer = explained(s, { to: "fd00::1", direction: "out" });
    return hopOf(present(answer.exchanges[0], "out"), "private_destination")?.id;
  };
  s.ec2("CreateRoute", { ...route, GatewayId: s.gateway });
  assert.equal(blamed(), s.gateway);
  s.ec2("ReplaceRoute", { ...route, EgressOnlyInternetGatewayId: egressOnly });
  assert.equal(blamed(), egressOnly);
});

describe("NAT64", () => {
  test("is walked through the NAT gateway and back, and its route is proposed", () => {
    const s = scene();
    const table = ownTable(s);
    withIpv6(s);
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    const nat = madeBy(s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId }), "nat");
    const question = { to: "64:ff9b::c633:6401", direction: "out" };
    const answer = explained(s, question);
    assert.deepEqual(
      [all(answer), commands(answer)],
      [
        [["no_route"]],
        [
          `aws ec2 create-route --route-table-id ${table} --destination-ipv6-cidr-block 64:ff9b::/96 --nat-gateway-id ${nat}`,
        ],
      ],
    );
    assert.equal(mend(s, question).ok, true);
  });

  test("is not reached by a default route to the internet: a route to a NAT gateway is proposed, if one has a way out", () => {
    const s = scene();
    const table = ownTable(s);
    withIpv6(s);
    s.ec2("CreateRoute", { RouteTableId: table, DestinationIpv6CidrBlock: "::/0", GatewayId: s.gateway });
    const question = { to: "64:ff9b::c633:6401", direction: "out" };
    const without = explained(s, question);
    assert.deepEqual([all(without), commands(without), without.ok], [[["no_such_host"]], [], false]);
    const hops = without.exchanges[0]?.hops ?? [];
    assert.deepEqual(
      [hops.at(-2)?.stage, hops.at(-1)?.id],
      ["route", table],
      "the table that leads it astray",
    );
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    const nat = madeBy(s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId }), "nat");
    const found = explained(s, question);
    assert.deepEqual(commands(found), [
      `aws ec2 create-route --route-table-id ${table} --destination-ipv6-cidr-block 64:ff9b::/96 --nat-gateway-id ${nat}`,
    ]);
    const stages = (found.exchanges[0]?.hops ?? []).map(({ stage }) => stage);
    assert.ok(stages.includes("nat_gateway"), "the way that it will go is told on");
    assert.equal(mend(s, question).ok, true);
    const beside = explained(s, { to: "64:ff9b:1::c633:6401", direction: "out" });
    assert.equal(beside.ok, true, "a block beside it is the internet's");
  });
});

describe("IPv6", () => {
  test("is explained beside IPv4 where the instance has both", () => {
    const s = scene();
    withIpv6(s);
    const answer = explained(s);
    assert.deepEqual(
      answer.exchanges.map(({ family, direction, verdict }) => [family, direction, verdict]),
      [
        ["ipv4", "out", "passes"],
        ["ipv4", "in", "passes"],
        ["ipv6", "out", "blocked"],
        ["ipv6", "in", "blocked"],
      ],
    );
    assert.equal(answer.ok, false);
    assert.equal(mend(s).ok, true);
    assert.deepEqual(
      new Set(explained(s, { to: INTERNET }).exchanges.map(({ family }) => family)),
      new Set(["ipv4"]),
    );
  });

  test("what waits for a block that is not known yet is held back, and that is told", () => {
    const s = scene();
    const answer = explained(s, { to: INTERNET_IPV6 });
    assert.deepEqual(commands(answer), [
      `aws ec2 associate-vpc-cidr-block --vpc-id ${s.vpc} --amazon-provided-ipv6-cidr-block`,
    ]);
    assert.equal(answer.exchanges[0]?.again, true);
  });

  test("the commands mend everything from nothing on; by an egress-only gateway the way out is enough", () => {
    for (const question of [
      { to: INTERNET_IPV6 },
      { to: INTERNET_IPV6, protocol: "icmp" },
      { to: INTERNET_IPV6, protocol: "udp", port: "53" },
    ]) {
      const s = scene();
      assert.deepEqual(verdicts(mend(s, question)), ["passes", "passes"]);
      const gateway = madeBy(s.ec2("CreateEgressOnlyInternetGateway", { VpcId: s.vpc }), "eigw");
      const table = s.region.reader().get("subnet", s.subnet)?.routeTableAssociation?.routeTableId ?? s.table;
      s.ec2("ReplaceRoute", {
        RouteTableId: table,
        DestinationIpv6CidrBlock: "::/0",
        EgressOnlyInternetGatewayId: gateway,
      });
      const egress = explained(s, question);
      assert.deepEqual(
        [verdicts(egress), all(egress), commands(egress)],
        [["passes", "blocked"], [[], ["egress_only"]], []],
      );
    }
  });
});
