/** What `genkan explain` says of small regions with one thing wrong, and what its commands make of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { type Asking, asked, commandsIn, hopOf, mended, type Question, wrong } from "./explain-kit.ts";
import { newShell } from "./paste.ts";
import { type Scene, scene, SETTINGS } from "./scene.ts";
import { bootDone, haltDone } from "../src/actions/instance-lifecycle.ts";
import { present } from "../src/lib/assert.ts";
import { DROPS } from "../src/plan/stages.ts";
import type { Explanation } from "../src/server/explain.ts";
import type { ExchangeText } from "../src/server/explain-text.ts";

const INTERNET = "198.51.100.1";
const INTERNET_IPV6 = "2001:db8:ffff::1";
const EVERYWHERE = "0.0.0.0/0";

function asking({ region }: Scene): Asking {
  const { reader, begin, change } = region;
  return { reader, begin, change, context: region.context(), settings: SETTINGS };
}

function explained(s: Scene, question: Question = {}, subject = s.web.id): Explanation {
  return asked(asking(s), subject, question);
}

/** The exchange that the subject begins. */
function outward(s: Scene, question: Question = {}): ExchangeText {
  return present(explained(s, { ...question, direction: "out" }).exchanges[0], "the exchange");
}

function inward(s: Scene, question: Question = {}): ExchangeText {
  return present(explained(s, { ...question, direction: "in" }).exchanges[0], "the exchange");
}

const all = ({ exchanges }: Explanation): readonly (readonly string[])[] => exchanges.map(wrong);
const verdicts = ({ exchanges }: Explanation): readonly string[] => exchanges.map(({ verdict }) => verdict);
/** The commands without the region, which each of them names. */
const commands = (answer: Explanation): readonly string[] => commandsIn(answer).map((line) => line.replaceAll(" --region us-east-1", ""));

/** Runs what is told, and asks again. */
function mend(s: Scene, question: Question = {}): Explanation {
  return mended(asking(s), s.web.id, question);
}

function madeBy(answer: object, prefix: string): string {
  return present(new RegExp(`"(${prefix}-[0-9a-f]{17})"`).exec(JSON.stringify(answer))?.[1], prefix);
}

function deleteDefault(s: Scene): void {
  s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: EVERYWHERE });
}

function stop(s: Scene, id: string): void {
  s.ec2("StopInstances", { InstanceIds: [id] });
  s.region.change((tx, context) => haltDone(tx, id, context));
}

/** A table for the first subnet alone, with a route to the gateway. */
function ownTable(s: Scene): string {
  const table = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
  s.ec2("CreateRoute", { RouteTableId: table, DestinationCidrBlock: EVERYWHERE, GatewayId: s.gateway });
  s.ec2("AssociateRouteTable", { RouteTableId: table, SubnetId: s.subnet });
  return table;
}

function closeHttp(s: Scene): void {
  s.ec2("RevokeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: EVERYWHERE });
}

function deny(s: Scene, Egress: boolean, RuleNumber: number): void {
  s.ec2("CreateNetworkAclEntry", { NetworkAclId: s.acl, Egress, RuleNumber, RuleAction: "deny", Protocol: "-1", CidrBlock: EVERYWHERE });
}

/** Without a public IP, and without one to come. */
function makePrivate(s: Scene): void {
  s.region.change((tx) => {
    const { autoPublicIp: _, ...eni } = s.eni(s.web.eni);
    tx.put({ ...eni, assignPublicIp: false });
  });
}

describe("explain", () => {
  test("finds nothing wrong where all is well, stage by stage, and names the resources", () => {
    const s = scene();
    const answer = explained(s);
    assert.deepEqual([verdicts(answer), answer.ok, commands(answer)], [["passes", "passes"], true, []]);
    const [out, back] = answer.exchanges;
    assert.deepEqual(
      out?.hops
        .filter(({ leg, what }) => leg === "request" && what !== "parse" && what !== "no_service")
        .map(({ stage, id }) => [stage, id]),
      [
        ["admit", s.web.id],
        ["security_group_out", s.group],
        ["network_acl_out", s.acl],
        ["route", s.table],
        ["internet_gateway", s.gateway],
        ["deliver", undefined],
      ],
    );
    assert.deepEqual([back?.source, back?.destination], [INTERNET, s.web.publicIp]);
  });

  test("names the one condition that is missing, with its code, and mends it for this subnet alone", () => {
    const s = scene();
    ownTable(s);
    const [{ routeTableId: table }] = [present(s.region.reader().get("subnet", s.subnet)?.routeTableAssociation, "the table")];
    s.ec2("DeleteRoute", { RouteTableId: table, DestinationCidrBlock: EVERYWHERE });
    deleteDefault(s);
    const answer = explained(s);
    assert.deepEqual(all(answer), [["no_route"], ["no_route"]]);
    const hop = hopOf(present(answer.exchanges[0], "out"), "no_route");
    assert.deepEqual([hop?.id, hop?.code], [table, "NO_ROUTE_TO_DESTINATION"]);
    assert.deepEqual(commands(answer), [
      `aws ec2 create-route --route-table-id ${table} --destination-cidr-block 0.0.0.0/0 --gateway-id ${s.gateway}`,
    ]);
    assert.equal(hopOf(present(answer.exchanges[1], "in"), "no_route")?.repeated, true);
    assert.equal(mend(s).ok, true);
  });

  test("every command says the region", () => {
    const s = scene();
    deleteDefault(s);
    const lines = commandsIn(explained(s));
    assert.ok(lines.length > 0 && lines.every((line) => / --region us-east-1\)?$/.test(line)));
  });

  test("a detached gateway that the route still names is the gateway's fault alone, and that one is to be attached", () => {
    const s = scene();
    s.region.change((tx) => {
      const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
      tx.put(detached);
    });
    s.ec2("CreateInternetGateway", {});
    const answer = explained(s);
    assert.deepEqual(all(answer), [["no_internet_gateway"], ["no_internet_gateway"]]);
    assert.deepEqual(commands(answer), [`aws ec2 attach-internet-gateway --vpc-id ${s.vpc} --internet-gateway-id ${s.gateway}`]);
    assert.equal(hopOf(present(answer.exchanges[0], "out"), "no_internet_gateway")?.takes, s.gateway);
  });

  test("all that stands in the way is told in the packet's order, and each command once", () => {
    const s = scene();
    stop(s, s.web.id);
    s.ec2("RevokeSecurityGroupEgress", { GroupId: s.group, IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }] });
    deny(s, true, 50);
    deleteDefault(s);
    deny(s, false, 50);
    closeHttp(s);
    assert.deepEqual(all(explained(s, { to: INTERNET })), [
      ["interface_down", "security_group_out", "network_acl_out", "no_route", "network_acl_in"],
      ["no_public_address", "network_acl_in", "security_group_in", "network_acl_out", "no_route"],
    ]);
    const answer = mend(s, { to: INTERNET });
    assert.deepEqual([verdicts(answer), commands(answer)], [["passes", "passes"], []]);
  });

  test("without a question about a port it is port 80, whatever else the groups admit; and the step says so", () => {
    const s = scene();
    closeHttp(s);
    assert.deepEqual(wrong(inward(s)), ["security_group_in"]);
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpProtocol: "udp", FromPort: 5000, ToPort: 5001, CidrIp: EVERYWHERE });
    const hint = (exchange: ExchangeText): string | undefined => hopOf(exchange, "security_group_in")?.asked;
    assert.equal(hint(inward(s)), "default");
    assert.deepEqual(wrong(inward(s, { protocol: "udp", port: "5000" })), []);
    const ssh = inward(s, { port: "22" });
    assert.deepEqual([wrong(ssh), hint(ssh)], [["security_group_in"], undefined]);
  });

  test("who asks about the internet opens to everybody, who asks about a host to that host alone", () => {
    const s = scene();
    closeHttp(s);
    const open = (block: string): readonly string[] => [
      `aws ec2 authorize-security-group-ingress --group-id ${s.group} --protocol tcp --port 80 --cidr ${block}`,
    ];
    assert.deepEqual(commands(explained(s)), open(EVERYWHERE));
    assert.deepEqual(commands(explained(s, { to: INTERNET })), open(`${INTERNET}/32`));
  });

  test("the answer needs all of the client's ephemeral ports in the stateless ACL", () => {
    const s = scene();
    const entry = { NetworkAclId: s.acl, RuleNumber: 50, RuleAction: "deny", Protocol: "6", CidrBlock: EVERYWHERE };
    s.ec2("CreateNetworkAclEntry", { ...entry, Egress: false, PortRange: { From: 50_000, To: 50_000 } });
    const answer = explained(s);
    assert.deepEqual(
      [all(answer), verdicts(answer)],
      [
        [["network_acl_in"], []],
        ["blocked", "passes"],
      ],
    );
    assert.equal(hopOf(present(answer.exchanges[0], "out"), "network_acl_in")?.params["ports"], "32768-60999");
    // Linux sends from none of these.
    s.ec2("ReplaceNetworkAclEntry", { ...entry, Egress: false, PortRange: { From: 61_000, To: 65_535 } });
    assert.deepEqual(verdicts(explained(s)), ["passes", "passes"]);
  });

  test("of a stopped instance, the start is all that is advised where it brings a public IP too", () => {
    const s = scene();
    stop(s, s.web.id);
    const answer = explained(s);
    assert.deepEqual(all(answer), [["interface_down"], ["no_public_address"]]);
    assert.deepEqual(commands(answer), [`aws ec2 start-instances --instance-ids ${s.web.id}`]);
    assert.equal(mend(s).ok, true);
  });

  test("of a stopped instance that gets no public IP at its start, an Elastic IP is advised", () => {
    const s = scene();
    s.region.change((tx) => tx.put({ ...s.eni(s.web.eni), assignPublicIp: false }));
    stop(s, s.web.id);
    assert.ok(commands(explained(s)).some((line) => line.includes("associate-address")));
    assert.equal(mend(s).ok, true);
  });

  test("where nothing would let the packet through, no command is given for what else is missing", () => {
    const s = scene();
    makePrivate(s);
    deleteDefault(s);
    const answer = explained(s, { to: "192.168.1.1" });
    assert.equal(hopOf(present(answer.exchanges[0], "out"), "private_destination")?.code, DROPS.private_destination.code);
    assert.deepEqual([answer.ok, commands(answer)], [false, []]);
  });

  test("an interface that nothing runs behind hides nothing of what else is wrong", () => {
    const s = scene();
    const eni = madeBy(s.ec2("CreateNetworkInterface", { SubnetId: s.subnet, Groups: [s.group] }), "eni");
    deleteDefault(s);
    const answer = explained(s, { direction: "out" }, eni);
    assert.deepEqual([all(answer), commands(answer)], [[["interface_down", "no_route", "no_public_ip"]], []]);
  });

  test("one direction can be asked about, and decides alone", () => {
    const s = scene();
    closeHttp(s);
    assert.deepEqual(
      explained(s, { direction: "out" }).exchanges.map(({ direction }) => direction),
      ["out"],
    );
    assert.deepEqual([explained(s, { direction: "out" }).ok, explained(s, { direction: "in" }).ok, explained(s).ok], [true, false, false]);
    assert.throws(() => explained(s, { direction: "sideways" }), /--direction is out, in or both/);
    assert.throws(() => explained(s, { to: "169.254.169.254", direction: "in" }), /begins no exchange/);
  });
});

describe("the ends of a question", () => {
  test("are named by ids, names and addresses; a name that several have is refused with all of them", () => {
    const s = scene();
    s.ec2("CreateTags", { Resources: [s.web.id], Tags: [{ Key: "Name", Value: "web" }] });
    s.ec2("CreateTags", { Resources: [s.other.id], Tags: [{ Key: "Name", Value: "db" }] });
    for (const subject of ["web", s.web.id, s.web.eni, s.web.privateIp, s.web.publicIp])
      for (const to of ["db", s.other.id, s.other.eni, s.other.privateIp]) {
        const { exchanges, subject: meant } = explained(s, { to }, subject);
        assert.equal(meant, s.web.id);
        assert.deepEqual(
          exchanges.map(({ source, destination }) => [source, destination]),
          [
            [s.web.privateIp, s.other.privateIp],
            [s.other.privateIp, s.web.privateIp],
          ],
        );
      }
    s.ec2("CreateTags", { Resources: [s.other.id], Tags: [{ Key: "Name", Value: "web" }] });
    assert.throws(() => explained(s, {}, "web"), new RegExp(`web could be ${s.web.id} .*, or ${s.other.id} `));
    assert.throws(() => explained(s, { to: "web" }), /could be/);
    assert.throws(() => explained(s, {}, "nobody"), /There is no/);
    assert.throws(() => explained(s, { to: "nobody" }), /neither an address nor/);
  });

  test("from the internet is the same question the other way round", () => {
    const s = scene();
    const { exchanges } = explained(s, { to: s.web.id, direction: "out" }, "internet");
    assert.deepEqual([exchanges[0]?.source, exchanges[0]?.destination, exchanges[0]?.verdict], [INTERNET, s.web.publicIp, "passes"]);
    const [mirrored] = explained(s, { to: s.web.publicIp, direction: "in" }, "198.51.100.7").exchanges;
    assert.deepEqual([mirrored?.source, mirrored?.destination], [s.web.privateIp, "198.51.100.7"]);
  });

  test("the VPC's resolver and the metadata service answer, past groups and routes; they begin nothing", () => {
    const s = scene();
    deleteDefault(s);
    for (const to of ["10.0.0.2", "169.254.169.253", "169.254.169.254"]) {
      const { ok, exchanges } = explained(s, { to });
      assert.deepEqual([ok, exchanges.map(({ direction, verdict }) => [direction, verdict])], [true, [["out", "passes"]]], to);
    }
    assert.deepEqual(
      ["10.0.0.2", "169.254.169.254"].map((to) => [outward(s, { to }).protocol, outward(s, { to }).port]),
      [
        ["udp", 53],
        ["tcp", 80],
      ],
    );
    s.ec2("ModifyVpcAttribute", { VpcId: s.vpc, EnableDnsSupport: { Value: false } });
    const answer = explained(s, { to: "10.0.0.2" });
    assert.deepEqual(
      [all(answer), commands(answer)],
      [[["dns_disabled"]], [`aws ec2 modify-vpc-attribute --vpc-id ${s.vpc} --enable-dns-support`]],
    );
    assert.equal(mend(s, { to: "10.0.0.2" }).ok, true);
    s.ec2("ModifyInstanceMetadataOptions", { InstanceId: s.web.id, HttpEndpoint: "disabled" });
    assert.equal(mend(s, { to: "169.254.169.254" }).ok, true);
  });

  test("what is the instance's own never leaves it, and is no way that works or fails", () => {
    const s = scene();
    for (const to of ["127.0.0.1", "::1", s.web.privateIp]) {
      const { local, exchanges, ok } = explained(s, { to });
      assert.deepEqual([local, exchanges, ok], [true, [], false], to);
    }
  });

  test("a NAT gateway sends for others only, and takes nothing that it did not ask for", () => {
    const s = scene();
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    const nat = madeBy(s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId }), "nat");
    const { exchanges } = explained(s, { to: nat });
    assert.deepEqual(
      exchanges.map((exchange) => [exchange.direction, wrong(exchange), exchange.server]),
      [["out", ["nat_no_connection"], nat]],
    );
    assert.deepEqual(explained(s, { direction: "in" }, nat).exchanges.map(wrong), [["nat_no_connection"]]);
    assert.throws(() => explained(s, { direction: "out" }, nat), /begins no exchange/);
  });

  test("nobody's address within the VPC, or of the pool, has nothing that mends it", () => {
    const s = scene();
    assert.deepEqual(
      [all(explained(s, { to: "10.0.2.99" })), commands(explained(s, { to: "10.0.2.99" }))],
      [[["no_such_private_address"]], []],
    );
    const free = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].find((ip) => ip !== s.web.publicIp && ip !== s.other.publicIp) ?? "";
    assert.deepEqual(all(explained(s, { to: free })), [["public_ip_not_mapped"]]);
  });
});

describe("a host inside", () => {
  test("in the same VPC meets no gateway: what the groups and ACLs of both ends say counts", () => {
    const s = scene();
    const question = { to: s.other.privateIp };
    assert.deepEqual(verdicts(explained(s, question)), ["passes", "passes"]);
    closeHttp(s);
    const closed = explained(s, question);
    assert.deepEqual(all(closed), [["security_group_in"], ["security_group_in"]]);
    const open = (ip: string): string =>
      `aws ec2 authorize-security-group-ingress --group-id ${s.group} --protocol tcp --port 80 --cidr ${ip}/32`;
    assert.deepEqual(commands(closed), [open(s.web.privateIp), open(s.other.privateIp)]);
    assert.equal(mend(s, question).ok, true);
  });

  test("a rule that names a group admits its members", () => {
    const s = scene();
    closeHttp(s);
    const members = { IpProtocol: "tcp", FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: s.group }] };
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpPermissions: [members] });
    assert.deepEqual(all(explained(s, { to: s.other.privateIp })), [[], []]);
  });

  test("at its public address is let in at the server, from the client's public address, and the client's group stays shut", () => {
    const s = scene();
    const server = madeBy(s.ec2("CreateSecurityGroup", { VpcId: s.vpc, GroupName: "server", Description: "server" }), "sg");
    s.ec2("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: s.other.eni, Groups: [server] });
    closeHttp(s);
    const answer = explained(s, { to: s.other.publicIp, direction: "out" });
    assert.deepEqual([verdicts(answer), all(answer)], [["blocked"], [["security_group_in"]]]);
    assert.deepEqual(commands(answer), [
      `aws ec2 authorize-security-group-ingress --group-id ${server} --protocol tcp --port 80 --cidr ${s.web.publicIp}/32`,
    ]);
    assert.equal(mend(s, { to: s.other.publicIp, direction: "out" }).ok, true);
    const opened = s.region.reader().by("security-group-rule", "groupId", s.group);
    assert.deepEqual(
      opened.filter(({ direction }) => direction === "ingress"),
      [],
    );
  });

  test("in a peered VPC: the acceptance and both routes are named and mended, and no route is lost", () => {
    const s = scene();
    const peer = withPeer(s);
    const question = { to: peer.ip };
    const pending = explained(s, question);
    assert.deepEqual(all(pending), [["private_destination", "security_group_in", "no_route"], ["no_route"]]);
    assert.ok(commands(pending).includes(`aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${peer.connection}`));
    assert.deepEqual(verdicts(mend(s, question)), ["passes", "passes"]);
    assert.deepEqual(verdicts(explained(s)), ["passes", "passes"], "the way to the internet stands as before");
  });
});

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

describe("an appliance", () => {
  test("on the way is followed as far as the tables go, and never bypassed", () => {
    const s = scene();
    s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: EVERYWHERE, NetworkInterfaceId: s.other.eni });
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
    s.ec2("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: s.other.eni, SourceDestCheck: { Value: false } });
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }] });
    s.ec2("CreateRoute", { RouteTableId: edge, DestinationCidrBlock: "10.0.1.0/24", NetworkInterfaceId: s.other.eni });
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
    s.ec2("ReplaceRoute", { RouteTableId: table, DestinationCidrBlock: EVERYWHERE, NetworkInterfaceId: s.other.eni });
    s.ec2("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: s.other.eni, SourceDestCheck: { Value: false } });
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.group, IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }] });
    stop(s, s.other.id);
    const answer = explained(s, { direction: "out" });
    assert.deepEqual([all(answer), commands(answer)], [[["blackhole"]], [`aws ec2 start-instances --instance-ids ${s.other.id}`]]);
    assert.deepEqual(verdicts(mend(s, { direction: "out" })), ["forwarded"]);
    const [kept] = s.region.reader().by("route", "target", s.other.eni);
    assert.deepEqual([kept?.routeTableId, kept?.destination], [table, EVERYWHERE]);
  });

  test("before a peered VPC is not bypassed, on the way there or back", () => {
    const s = scene();
    const peer = withPeer(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "10.9.0.0/16", NetworkInterfaceId: s.other.eni });
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
    const [{ subnetId, groupIds }] = [present(reader.by("network-interface", "vpcId", peerVpc.id)[0], "its interface")];
    const launch = { ImageId: "ami-0123456789abcdef0", MinCount: 1, MaxCount: 1, SubnetId: subnetId, SecurityGroupIds: groupIds };
    const appliance = madeBy(s.ec2("RunInstances", launch), "i");
    s.region.change((tx, context) => bootDone(tx, appliance, context));
    const eni = present(s.region.reader().by("network-interface", "instanceId", appliance)[0], "its interface").id;
    const { routeTableId } = peerVpc.mainRouteTable;
    s.ec2("CreateRoute", { RouteTableId: routeTableId, DestinationCidrBlock: "10.0.0.0/16", NetworkInterfaceId: eni });
    const back = outward(s, { to: peer.ip });
    assert.deepEqual([back.depends, wrong(back)], [eni, ["security_group_in", "security_group_in", "destination_check"]]);
    assert.ok(!commandsIn({ exchanges: [back] }).some((line) => line.includes("-route ")), "no route is touched");
  });
});

describe("a peering connection", () => {
  test("is named where it carries nothing further, with AWS's code, and nothing is proposed that changes nothing", () => {
    const s = scene();
    const peer = withPeer(s);
    makePrivate(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("ReplaceRoute", { RouteTableId: s.table, DestinationCidrBlock: EVERYWHERE, VpcPeeringConnectionId: peer.connection });
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
    s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "10.9.0.0/16", VpcPeeringConnectionId: peer.connection });
    s.ec2("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    const answer = explained(s, { to: peer.ip, port: "22" });
    assert.deepEqual([answer.ok, commands(answer)], [false, []]);
  });
});

describe("a route", () => {
  test("that a ready table has is got by going over to that table: the main one stays as it is", () => {
    const s = scene();
    deleteDefault(s);
    const ready = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
    s.ec2("CreateRoute", { RouteTableId: ready, DestinationCidrBlock: EVERYWHERE, GatewayId: s.gateway });
    assert.deepEqual(commands(explained(s)), [`aws ec2 associate-route-table --route-table-id ${ready} --subnet-id ${s.subnet}`]);
    assert.equal(mend(s).ok, true);
    assert.deepEqual(s.region.reader().by("route", "routeTableId", s.table), []);
  });

  test("is never put into the main table that another subnet follows too: the subnet gets its own, with all that it had", () => {
    const s = scene();
    const peer = withPeer(s);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: peer.connection });
    s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "10.9.0.0/16", VpcPeeringConnectionId: peer.connection });
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
    assert.deepEqual([verdicts(both), commands(both)], [["passes", "blocked"], []], "nobody comes in, and nothing changes that");
    assert.equal(wrong(present(both.exchanges[1], "in")).at(-1), "nat_answers");
    // That one is gone, and another one there.
    s.ec2("DeleteNatGateway", { NatGatewayId: first });
    const second = nat();
    assert.deepEqual(commands(explained(s, question)), [`aws ec2 replace-route ${way} ${second}`]);
  });

  test("that goes by the very route table that it should serve is told as such, in whichever subnet it stands", () => {
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

/** Blocks for the VPC and the subnet, an address for the instance. */
function withIpv6(s: Scene): void {
  s.ec2("AssociateVpcCidrBlock", { VpcId: s.vpc, AmazonProvidedIpv6CidrBlock: true });
  const [block] = present(s.region.reader().get("vpc", s.vpc)?.ipv6CidrBlocks, "its blocks");
  const Ipv6CidrBlock = (block?.ipv6CidrBlock ?? "").replace(/56$/, "64");
  s.ec2("AssociateSubnetCidrBlock", { SubnetId: s.subnet, Ipv6CidrBlock });
  s.ec2("AssignIpv6Addresses", { NetworkInterfaceId: s.web.eni, Ipv6AddressCount: 1 });
}

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
        [`aws ec2 create-route --route-table-id ${table} --destination-ipv6-cidr-block 64:ff9b::/96 --nat-gateway-id ${nat}`],
      ],
    );
    assert.equal(mend(s, question).ok, true);
  });

  test("has nobody where a route for everywhere leads to the internet: a route to a NAT gateway is proposed, where one has a way out", () => {
    const s = scene();
    const table = ownTable(s);
    withIpv6(s);
    s.ec2("CreateRoute", { RouteTableId: table, DestinationIpv6CidrBlock: "::/0", GatewayId: s.gateway });
    const question = { to: "64:ff9b::c633:6401", direction: "out" };
    const without = explained(s, question);
    assert.deepEqual([all(without), commands(without), without.ok], [[["no_such_host"]], [], false]);
    const hops = without.exchanges[0]?.hops ?? [];
    assert.deepEqual([hops.at(-2)?.stage, hops.at(-1)?.id], ["route", table], "the table that leads it astray");
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
    assert.deepEqual(new Set(explained(s, { to: INTERNET }).exchanges.map(({ family }) => family)), new Set(["ipv4"]));
  });

  test("what waits for a block that is not known yet is held back, and that is told", () => {
    const s = scene();
    const answer = explained(s, { to: INTERNET_IPV6 });
    assert.deepEqual(commands(answer), [`aws ec2 associate-vpc-cidr-block --vpc-id ${s.vpc} --amazon-provided-ipv6-cidr-block`]);
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
      s.ec2("ReplaceRoute", { RouteTableId: table, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: gateway });
      const egress = explained(s, question);
      assert.deepEqual([verdicts(egress), all(egress), commands(egress)], [["passes", "blocked"], [[], ["egress_only"]], []]);
    }
  });
});

describe("the commands", () => {
  test("for one list have numbers of their own", () => {
    const s = scene();
    deny(s, false, 50);
    s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true });
    assert.equal(commands(explained(s)).length, 4);
    assert.equal(mend(s).ok, true);
  });

  test("make room in front of a denying entry where none is, and nothing else is decided otherwise", () => {
    const s = scene();
    deny(s, false, 1);
    s.ec2("CreateNetworkAclEntry", {
      NetworkAclId: s.acl,
      Egress: false,
      RuleNumber: 2,
      RuleAction: "allow",
      Protocol: "47",
      CidrBlock: "10.0.0.0/8",
    });
    assert.equal(mend(s, { to: INTERNET, direction: "in" }).ok, true);
    const entries = present(s.region.reader().get("network-acl", s.acl), "the ACL").entries.filter(({ egress }) => !egress);
    assert.deepEqual(
      entries
        .toSorted((a, b) => a.ruleNumber - b.ruleNumber)
        .map(({ ruleNumber, action, protocol, cidrBlock }) => [ruleNumber, action, protocol, cidrBlock]),
      [
        [1, "allow", 6, `${INTERNET}/32`],
        [2, "deny", -1, EVERYWHERE],
        [3, "allow", 47, "10.0.0.0/8"],
        [100, "allow", -1, EVERYWHERE],
      ],
    );
  });

  test("run one after another as they stand, and mend everything", () => {
    const faults: readonly ((s: Scene) => void)[] = [
      (s) => stop(s, s.web.id),
      deleteDefault,
      (s) =>
        s.region.change((tx) => {
          const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
          tx.put(detached);
        }),
      (s) => s.region.change((tx) => tx.delete("internet-gateway", s.gateway)),
      makePrivate,
      (s) => {
        s.ec2("RevokeSecurityGroupEgress", { GroupId: s.group, IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }] });
      },
      closeHttp,
      (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true }),
      (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: false }),
      (s) => deny(s, true, 1),
      (s) => deny(s, false, 2),
    ];
    const questions: readonly Question[] = [
      {},
      { to: INTERNET },
      { to: INTERNET, protocol: "icmp" },
      { to: INTERNET, protocol: "udp", port: "53" },
    ];
    fc.assert(
      fc.property(fc.subarray([...faults]), fc.constantFrom(...questions), (chosen, question) => {
        const s = scene();
        for (const fault of chosen) attempt(() => fault(s));
        const answer = mend(s, question);
        assert.deepEqual([verdicts(answer), commands(answer)], [["passes", "passes"], []]);
      }),
      { numRuns: 100 },
    );
  });

  test("stand in a shell with quotes where they need them", () => {
    const s = scene();
    const run = newShell(asking(s));
    s.region.change((tx) => {
      for (const { id } of tx.list("route")) tx.delete("route", id);
      tx.delete("internet-gateway", s.gateway);
    });
    const lines = commandsIn(explained(s, { direction: "out" }));
    assert.ok(
      lines.every((line) => !/[[\]{}()](?![^']*')/.test(line.replaceAll(/\$\([^)]*\)/g, ""))),
      lines.join("\n"),
    );
    for (const line of lines) run(line);
    assert.equal(explained(s, { direction: "out" }).ok, true);
  });
});

/** A fault that another one made impossible is none. */
function attempt(body: () => void): void {
  try {
    body();
  } catch {
    return;
  }
}
