/** Small regions with one thing wrong, and the questions that `genkan explain` is asked of them. */

import { bootDone, haltDone } from "../../src/actions/instance/instance-lifecycle.ts";
import { present } from "../../src/lib/assert.ts";
import type { ExchangeText, Explanation } from "../../src/protocol/explain.ts";
import { type Asking, asked, commandsIn, mended, type Question, wrong } from "../kit/explain.ts";
import { type Scene, SETTINGS } from "../kit/scene.ts";

export const INTERNET = "198.51.100.1";
export const INTERNET_IPV6 = "2001:db8:ffff::1";
export const EVERYWHERE = "0.0.0.0/0";

export function asking({ region }: Scene): Asking {
  const { reader, begin, change } = region;
  return { reader, begin, change, context: region.context(), settings: SETTINGS };
}

export function explained(s: Scene, question: Question = {}, subject = s.web.id): Explanation {
  return asked(asking(s), subject, question);
}

/** The exchange that the subject begins. */
export function outward(s: Scene, question: Question = {}): ExchangeText {
  return present(explained(s, { ...question, direction: "out" }).exchanges[0], "the exchange");
}

export function inward(s: Scene, question: Question = {}): ExchangeText {
  return present(explained(s, { ...question, direction: "in" }).exchanges[0], "the exchange");
}

export const all = ({ exchanges }: Explanation): readonly (readonly string[])[] => exchanges.map(wrong);
export const verdicts = ({ exchanges }: Explanation): readonly string[] =>
  exchanges.map(({ verdict }) => verdict);
/** The commands without the region, which each of them names. */
export const commands = (answer: Explanation): readonly string[] =>
  commandsIn(answer).map((line) => line.replaceAll(" --region us-east-1", ""));

/** Runs what is told, and asks again. */
export function mend(s: Scene, question: Question = {}): Explanation {
  return mended(asking(s), s.web.id, question);
}

export function madeBy(answer: object, prefix: string): string {
  return present(new RegExp(`"(${prefix}-[0-9a-f]{17})"`).exec(JSON.stringify(answer))?.[1], prefix);
}

export function deleteDefault(s: Scene): void {
  s.ec2("DeleteRoute", { RouteTableId: s.table, DestinationCidrBlock: EVERYWHERE });
}

export function stop(s: Scene, id: string): void {
  s.ec2("StopInstances", { InstanceIds: [id] });
  s.region.change((tx, context) => haltDone(tx, id, context));
}

/** A table only for the first subnet, with a route to the gateway. */
export function ownTable(s: Scene): string {
  const table = madeBy(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
  s.ec2("CreateRoute", { RouteTableId: table, DestinationCidrBlock: EVERYWHERE, GatewayId: s.gateway });
  s.ec2("AssociateRouteTable", { RouteTableId: table, SubnetId: s.subnet });
  return table;
}

export function closeHttp(s: Scene): void {
  s.ec2("RevokeSecurityGroupIngress", {
    GroupId: s.group,
    IpProtocol: "tcp",
    FromPort: 80,
    ToPort: 80,
    CidrIp: EVERYWHERE,
  });
}

export function deny(s: Scene, Egress: boolean, RuleNumber: number): void {
  s.ec2("CreateNetworkAclEntry", {
    NetworkAclId: s.acl,
    Egress,
    RuleNumber,
    RuleAction: "deny",
    Protocol: "-1",
    CidrBlock: EVERYWHERE,
  });
}

/** Without a public IP, and without one to come. */
export function makePrivate(s: Scene): void {
  s.region.change((tx) => {
    const { autoPublicIp: _, ...eni } = s.eni(s.web.eni);
    tx.put({ ...eni, assignPublicIp: false });
  });
}

/**
 * A VPC 10.9.0.0/16 with a running instance behind a closed group, and a connection that waits for its
 * acceptance.
 */
export function withPeer(s: Scene): { readonly ip: string; readonly connection: string } {
  const vpc = madeBy(s.ec2("CreateVpc", { CidrBlock: "10.9.0.0/16" }), "vpc");
  const subnet = madeBy(s.ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.9.1.0/24" }), "subnet");
  const group = madeBy(
    s.ec2("CreateSecurityGroup", { VpcId: vpc, GroupName: "closed", Description: "closed" }),
    "sg",
  );
  const launch = {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 1,
    MaxCount: 1,
    SubnetId: subnet,
    SecurityGroupIds: [group],
  };
  s.ec2("RunInstances", launch);
  const instance = present(s.region.reader().by("instance", "vpcId", vpc)[0], "the instance");
  s.region.change((tx, context) => bootDone(tx, instance.id, context));
  const [eni] = s.region.reader().by("network-interface", "instanceId", instance.id);
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.vpc, PeerVpcId: vpc });
  const [connection] = s.region.reader().list("vpc-peering-connection");
  return {
    ip: present(eni?.privateIpAddresses[0], "its address"),
    connection: present(connection, "the connection").id,
  };
}

/** Blocks for the VPC and the subnet, an address for the instance. */
export function withIpv6(s: Scene): void {
  s.ec2("AssociateVpcCidrBlock", { VpcId: s.vpc, AmazonProvidedIpv6CidrBlock: true });
  const [block] = present(s.region.reader().get("vpc", s.vpc)?.ipv6CidrBlocks, "its blocks");
  const Ipv6CidrBlock = (block?.ipv6CidrBlock ?? "").replace(/56$/, "64");
  s.ec2("AssociateSubnetCidrBlock", { SubnetId: s.subnet, Ipv6CidrBlock });
  s.ec2("AssignIpv6Addresses", { NetworkInterfaceId: s.web.eni, Ipv6AddressCount: 1 });
}
