/** What `genkan explain` says of small regions with one thing wrong, and what its commands make of them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DROPS } from "../../src/contract/stages.ts";
import { present } from "../../src/lib/assert.ts";
import type { ExchangeText } from "../../src/protocol/explain.ts";
import { commandsIn, hopOf, wrong } from "../kit/explain.ts";
import { scene } from "../kit/scene.ts";
import {
  all,
  closeHttp,
  commands,
  deleteDefault,
  deny,
  EVERYWHERE,
  explained,
  INTERNET,
  inward,
  madeBy,
  makePrivate,
  mend,
  outward,
  ownTable,
  stop,
  verdicts,
  withPeer,
} from "./small-region.ts";

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

  test("names the one condition that is missing, with its code, and mends it only for this subnet", () => {
    const s = scene();
    ownTable(s);
    const [{ routeTableId: table }] = [
      present(s.region.reader().get("subnet", s.subnet)?.routeTableAssociation, "the table"),
    ];
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

  test("when the route names a detached gateway, only the attachment is missing, and that gateway is to be attached", () => {
    const s = scene();
    s.region.change((tx) => {
      const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
      tx.put(detached);
    });
    s.ec2("CreateInternetGateway", {});
    const answer = explained(s);
    assert.deepEqual(all(answer), [["no_internet_gateway"], ["no_internet_gateway"]]);
    assert.deepEqual(commands(answer), [
      `aws ec2 attach-internet-gateway --vpc-id ${s.vpc} --internet-gateway-id ${s.gateway}`,
    ]);
    assert.equal(hopOf(present(answer.exchanges[0], "out"), "no_internet_gateway")?.takes, s.gateway);
  });

  test("all that stands in the way is told in the packet's order, and each command once", () => {
    const s = scene();
    stop(s, s.web.id);
    s.ec2("RevokeSecurityGroupEgress", {
      GroupId: s.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }],
    });
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
    s.ec2("AuthorizeSecurityGroupIngress", {
      GroupId: s.group,
      IpProtocol: "udp",
      FromPort: 5000,
      ToPort: 5001,
      CidrIp: EVERYWHERE,
    });
    const hint = (exchange: ExchangeText): string | undefined => hopOf(exchange, "security_group_in")?.asked;
    assert.equal(hint(inward(s)), "default");
    assert.deepEqual(wrong(inward(s, { protocol: "udp", port: "5000" })), []);
    const ssh = inward(s, { port: "22" });
    assert.deepEqual([wrong(ssh), hint(ssh)], [["security_group_in"], undefined]);
  });

  test("a question about the internet opens to everybody, a question about a host only to that host", () => {
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
    const entry = {
      NetworkAclId: s.acl,
      RuleNumber: 50,
      RuleAction: "deny",
      Protocol: "6",
      CidrBlock: EVERYWHERE,
    };
    s.ec2("CreateNetworkAclEntry", { ...entry, Egress: false, PortRange: { From: 50_000, To: 50_000 } });
    const answer = explained(s);
    assert.deepEqual(
      [all(answer), verdicts(answer)],
      [
        [["network_acl_in"], []],
        ["blocked", "passes"],
      ],
    );
    assert.equal(
      hopOf(present(answer.exchanges[0], "out"), "network_acl_in")?.params["ports"],
      "32768-60999",
    );
    // Linux sends from none of these.
    s.ec2("ReplaceNetworkAclEntry", { ...entry, Egress: false, PortRange: { From: 61_000, To: 65_535 } });
    assert.deepEqual(verdicts(explained(s)), ["passes", "passes"]);
  });

  test("for a stopped instance, only the start is advised if it also brings a public IP", () => {
    const s = scene();
    stop(s, s.web.id);
    const answer = explained(s);
    assert.deepEqual(all(answer), [["interface_down"], ["no_public_address"]]);
    assert.deepEqual(commands(answer), [`aws ec2 start-instances --instance-ids ${s.web.id}`]);
    assert.equal(mend(s).ok, true);
  });

  test("for a stopped instance that gets no public IP at its start, an Elastic IP is advised", () => {
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
    assert.equal(
      hopOf(present(answer.exchanges[0], "out"), "private_destination")?.code,
      DROPS.private_destination.code,
    );
    assert.deepEqual([answer.ok, commands(answer)], [false, []]);
  });

  test("an interface that nothing runs behind hides nothing of what else is wrong", () => {
    const s = scene();
    const eni = madeBy(s.ec2("CreateNetworkInterface", { SubnetId: s.subnet, Groups: [s.group] }), "eni");
    deleteDefault(s);
    const answer = explained(s, { direction: "out" }, eni);
    assert.deepEqual([all(answer), commands(answer)], [[["interface_down", "no_route", "no_public_ip"]], []]);
  });

  test("one direction can be asked about, and then only that one decides", () => {
    const s = scene();
    closeHttp(s);
    assert.deepEqual(
      explained(s, { direction: "out" }).exchanges.map(({ direction }) => direction),
      ["out"],
    );
    assert.deepEqual(
      [explained(s, { direction: "out" }).ok, explained(s, { direction: "in" }).ok, explained(s).ok],
      [true, false, false],
    );
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
    assert.throws(
      () => explained(s, {}, "web"),
      new RegExp(`web could be ${s.web.id} .*, or ${s.other.id} `),
    );
    assert.throws(() => explained(s, { to: "web" }), /could be/);
    assert.throws(() => explained(s, {}, "nobody"), /There is no/);
    assert.throws(() => explained(s, { to: "nobody" }), /neither an address nor/);
  });

  test("from the internet is the same question the other way round", () => {
    const s = scene();
    const { exchanges } = explained(s, { to: s.web.id, direction: "out" }, "internet");
    assert.deepEqual(
      [exchanges[0]?.source, exchanges[0]?.destination, exchanges[0]?.verdict],
      [INTERNET, s.web.publicIp, "passes"],
    );
    const [mirrored] = explained(s, { to: s.web.publicIp, direction: "in" }, "198.51.100.7").exchanges;
    assert.deepEqual([mirrored?.source, mirrored?.destination], [s.web.privateIp, "198.51.100.7"]);
  });

  test("the VPC's resolver and the metadata service answer, past groups and routes; they begin nothing", () => {
    const s = scene();
    deleteDefault(s);
    for (const to of ["10.0.0.2", "169.254.169.253", "169.254.169.254"]) {
      const { ok, exchanges } = explained(s, { to });
      assert.deepEqual(
        [ok, exchanges.map(({ direction, verdict }) => [direction, verdict])],
        [true, [["out", "passes"]]],
        to,
      );
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

  test("a packet to the instance's own address never leaves it, and neither works nor fails", () => {
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

  test("nothing is proposed for an address that nobody has, in the VPC or in the pool", () => {
    const s = scene();
    assert.deepEqual(
      [all(explained(s, { to: "10.0.2.99" })), commands(explained(s, { to: "10.0.2.99" }))],
      [[["no_such_private_address"]], []],
    );
    const free =
      ["203.0.113.1", "203.0.113.2", "203.0.113.3"].find(
        (ip) => ip !== s.web.publicIp && ip !== s.other.publicIp,
      ) ?? "";
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
    const server = madeBy(
      s.ec2("CreateSecurityGroup", { VpcId: s.vpc, GroupName: "server", Description: "server" }),
      "sg",
    );
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
    assert.ok(
      commands(pending).includes(
        `aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${peer.connection}`,
      ),
    );
    assert.deepEqual(verdicts(mend(s, question)), ["passes", "passes"]);
    assert.deepEqual(
      verdicts(explained(s)),
      ["passes", "passes"],
      "the way to the internet stands as before",
    );
  });
});
