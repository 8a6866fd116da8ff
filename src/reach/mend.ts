import type { Rule } from "../plan/rule-list.ts";
import type { Names } from "./names.ts";
import { type Flow, ICMP, isIcmp, isIpv6Flow, TCP, UDP } from "./packet.ts";

/** One AWS CLI command that can be pasted into a POSIX shell as it stands. */
export type Command = string;

const EVERYWHERE = "0.0.0.0/0";
const EVERYWHERE_IPV6 = "::/0";
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "icmpv6"],
]);

/** `aws ec2 …`, with the region when it must be said. */
function ec2(names: Names, ...words: readonly string[]): Command {
  return ["aws", "ec2", ...words, ...(names.region === undefined ? [] : ["--region", names.region])].join(" ");
}

/** What another command answers, as an argument. */
function answerOf(command: Command): string {
  return `"$(${command} --output text)"`;
}

export function startInstance(names: Names): readonly Command[] {
  const { instance } = names;
  if (instance?.state === "stopped") return [ec2(names, "start-instances", "--instance-ids", instance.id)];
  if (instance?.state !== "stopping") return [];
  const wait = ec2(names, "wait", "instance-stopped", "--instance-ids", instance.id);
  return [wait, ec2(names, "start-instances", "--instance-ids", instance.id)];
}

/** Attaches the gateway; absent: a new one. */
export function attachGateway(names: Names, vpcId: string, gatewayId: string | undefined): readonly Command[] {
  const made = ec2(names, "create-internet-gateway", "--query", "InternetGateway.InternetGatewayId");
  return [ec2(names, "attach-internet-gateway", "--vpc-id", vpcId, "--internet-gateway-id", gatewayId ?? answerOf(made))];
}

/** Block Public Access spares the subnet. */
export function excludeSubnet(names: Names, subnetId: string): readonly Command[] {
  const mode = ["--internet-gateway-exclusion-mode", "allow-bidirectional"];
  return [ec2(names, "create-vpc-block-public-access-exclusion", "--subnet-id", subnetId, ...mode)];
}

export function deleteRoute(names: Names, tableId: string, destination: string): readonly Command[] {
  return [ec2(names, "delete-route", "--route-table-id", tableId, ...destinationWords(destination))];
}

function destinationWords(destination: string): readonly string[] {
  return [destination.includes(":") ? "--destination-ipv6-cidr-block" : "--destination-cidr-block", destination];
}

/** A block for the subnet: of the VPC's, which first gets one where it has none. */
export function giveIpv6Block(names: Names, vpcId: string, subnetId: string): readonly Command[] {
  if (names.freeIpv6Block === undefined)
    return [ec2(names, "associate-vpc-cidr-block", "--vpc-id", vpcId, "--amazon-provided-ipv6-cidr-block")];
  return [ec2(names, "associate-subnet-cidr-block", "--subnet-id", subnetId, "--ipv6-cidr-block", names.freeIpv6Block)];
}

export function assignIpv6Address(names: Names, interfaceId: string): readonly Command[] {
  return [ec2(names, "assign-ipv6-addresses", "--network-interface-id", interfaceId, "--ipv6-address-count", "1")];
}

type RouteMend = {
  readonly vpcId: string;
  readonly tableId: string;
  /** Absent: the one that is attached to the VPC when the command runs. */
  readonly gatewayId: string | undefined;
  /** The destination whose route leads elsewhere; absent: there is none, and the default route is due. */
  readonly instead: string | undefined;
  readonly ipv6: boolean;
};

export function routeToGateway(names: Names, { vpcId, tableId, gatewayId, instead, ipv6 }: RouteMend): readonly Command[] {
  const filter = `Name=attachment.vpc-id,Values=${vpcId}`;
  const attached = ec2(names, "describe-internet-gateways", "--filters", filter, "--query", "'InternetGateways[0].InternetGatewayId'");
  const verb = instead === undefined ? "create-route" : "replace-route";
  const destination = instead ?? (ipv6 ? EVERYWHERE_IPV6 : EVERYWHERE);
  const gateway = gatewayId ?? answerOf(attached);
  return [ec2(names, verb, "--route-table-id", tableId, ...destinationWords(destination), "--gateway-id", gateway)];
}

type TargetMend = {
  readonly tableId: string;
  readonly destination: string;
  /** There is a route for the destination already. */
  readonly replaces: boolean;
};

/** Sends the destination to a NAT gateway, or over a peering connection. */
export function routeTo(
  names: Names,
  { tableId, destination, replaces }: TargetMend,
  ...target: readonly [option: string, id: string]
): readonly Command[] {
  const verb = replaces ? "replace-route" : "create-route";
  return [ec2(names, verb, "--route-table-id", tableId, ...destinationWords(destination), ...target)];
}

export function acceptPeering(names: Names, peeringId: string): readonly Command[] {
  return [ec2(names, "accept-vpc-peering-connection", "--vpc-peering-connection-id", peeringId)];
}

/** An appliance takes packets that are not for itself. */
export function leaveUnchecked(names: Names, interfaceId: string): readonly Command[] {
  return [ec2(names, "modify-network-interface-attribute", "--network-interface-id", interfaceId, "--no-source-dest-check")];
}

export function mapPublicIp(names: Names, interfaceId: string): readonly Command[] {
  const made = ec2(names, "allocate-address", "--domain", "vpc", "--query", "AllocationId");
  const allocation = names.freeAllocation ?? answerOf(made);
  return [ec2(names, "associate-address", "--network-interface-id", interfaceId, "--allocation-id", allocation)];
}

type GroupMend = {
  readonly groupId: string;
  readonly direction: "out" | "in";
  readonly flow: Flow;
  /** The other side; absent: everybody. */
  readonly block: string | undefined;
};

/** Lets the flow through the group: out to its destination port, or in to it. */
export function allowInGroup(names: Names, { groupId, direction, flow, block }: GroupMend): readonly Command[] {
  const verb = direction === "out" ? "authorize-security-group-egress" : "authorize-security-group-ingress";
  if (isIpv6Flow(flow))
    return [ec2(names, verb, "--group-id", groupId, "--ip-permissions", ipv6Permission(flow, block ?? EVERYWHERE_IPV6))];
  const port = flow.protocol === ICMP ? "all" : String(flow.destinationPort ?? 0);
  const protocol = PROTOCOL_NAMES.get(flow.protocol) ?? String(flow.protocol);
  return [ec2(names, verb, "--group-id", groupId, "--protocol", protocol, "--port", port, "--cidr", block ?? EVERYWHERE)];
}

/** In the CLI's shorthand, which a shell leaves alone in quotes. */
function ipv6Permission(flow: Flow, block: string): string {
  const [from, to] = isIcmp(flow) ? [-1, -1] : [flow.destinationPort ?? 0, flow.destinationPort ?? 0];
  const protocol = PROTOCOL_NAMES.get(flow.protocol) ?? String(flow.protocol);
  return `'IpProtocol=${protocol},FromPort=${from},ToPort=${to},Ipv6Ranges=[{CidrIpv6=${block}}]'`;
}

type AclMend = {
  readonly aclId: string;
  readonly side: "egress" | "ingress";
  readonly flow: Flow;
  /** To be let through, ends included. */
  readonly ports: readonly [from: number, to: number];
  readonly rules: readonly Rule[];
  /** The lowest number of a rule that denies some of it; absent: the closing deny alone does. */
  readonly denying: number | undefined;
  /** The other side; absent: everybody. */
  readonly block: string | undefined;
  /** Numbers that other commands take, to which this one's is added. */
  readonly taken: Set<number>;
};

/** An entry in front of what denies; where no number is left in front of it, the denying entry goes. */
export function allowInAcl(names: Names, { aclId, side, flow, ports, rules, denying, block, taken }: AclMend): readonly Command[] {
  const number = freeNumber(new Set([...rules.map((rule) => rule.number), ...taken]), denying);
  if (number === undefined)
    return [ec2(names, "delete-network-acl-entry", "--network-acl-id", aclId, `--${side}`, "--rule-number", String(denying))];
  taken.add(number);
  const everywhere = isIpv6Flow(flow) ? ["--ipv6-cidr-block", block ?? EVERYWHERE_IPV6] : ["--cidr-block", block ?? EVERYWHERE];
  const icmp = ["--icmp-type-code", `Type=${flow.icmp?.type ?? -1},Code=-1`];
  const range = ["--port-range", `From=${ports[0]},To=${ports[1]}`];
  const what = isIcmp(flow) ? icmp : flow.protocol === TCP || flow.protocol === UDP ? range : [];
  const entry = ["--rule-number", String(number), "--protocol", String(flow.protocol), ...what, ...everywhere];
  return [ec2(names, "create-network-acl-entry", "--network-acl-id", aclId, `--${side}`, ...entry, "--rule-action", "allow")];
}

/** A free number in front of `before`, in steps of ten where there is room, as people number them. */
function freeNumber(taken: ReadonlySet<number>, before = 32_767): number | undefined {
  const round = Array.from({ length: 50 }, (_, place) => 100 + place * 10).find((number) => number < before && !taken.has(number));
  if (round !== undefined) return round;
  for (let number = before - 1; number > 0; number--) if (!taken.has(number)) return number;
  return undefined;
}
