import type { IpPermission } from "@aws-sdk/client-ec2";
import { formatBlock, parseIpv4Block, parseIpv6Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import type { RulePeer, SecurityGroup, SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { protocolName, protocolNumber } from "../kit/protocol.ts";
import { findPrefixList } from "../route/prefix-list-describe.ts";
import { describedPeer, groupPeer } from "./security-group-peer.ts";
import { isAllowedText, TEXT_SET } from "./security-group.ts";

/** What a rule says, apart from whose it is. */
export type RuleSpec = Pick<SecurityGroupRule, "protocol" | "fromPort" | "toPort" | "peer" | "description">;

/**
 * What a request's permissions mean for a group: one rule for each peer of each permission, ports and blocks
 * checked and canonical.
 */
export function ruleSpecs(
  tx: Reader,
  group: SecurityGroup,
  permissions: readonly IpPermission[],
  context: Context,
): readonly RuleSpec[] {
  const specs = permissions.flatMap((permission) => specsOf(tx, group, permission, context));
  if (new Set(specs.map(ruleKey)).size < specs.length) {
    throw new Fault("InvalidParameterValue", "The same permission must not appear multiple times");
  }
  return specs;
}

function specsOf(
  tx: Reader,
  group: SecurityGroup,
  permission: IpPermission,
  context: Context,
): readonly RuleSpec[] {
  const range = portsOf(permission);
  const spec = (peer: RulePeer, description: string | undefined): RuleSpec => ({
    ...range,
    peer,
    ...describedAs(description),
  });
  const specs = [
    ...(permission.IpRanges ?? []).map((block) => spec(ipv4Peer(block.CidrIp), block.Description)),
    ...(permission.Ipv6Ranges ?? []).map((block) => spec(ipv6Peer(block.CidrIpv6), block.Description)),
    ...(permission.PrefixListIds ?? []).map((list) =>
      spec(listPeer(tx, list.PrefixListId, context), list.Description),
    ),
    ...(permission.UserIdGroupPairs ?? []).map((pair) =>
      spec(groupPeer(tx, group, pair, context), pair.Description),
    ),
  ];
  if (specs.length === 0) {
    const words =
      "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
    throw new Fault("MissingParameter", words);
  }
  return specs;
}

/** A description as it is kept: absent when empty. @throws InvalidParameterValue. */
export function describedAs(text: string | undefined): { readonly description?: string } {
  if (text === undefined || text === "") return {};
  if (isAllowedText(text)) return { description: text };
  const words = `Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: ${TEXT_SET}`;
  throw new Fault("InvalidParameterValue", words);
}

type Ports = Pick<IpPermission, "IpProtocol" | "FromPort" | "ToPort">;

/**
 * The protocol with its ports, or types and codes. A protocol that has none covers everything, whatever the
 * request says (EC2 API reference, IpPermission).
 */
export function portsOf({
  IpProtocol,
  FromPort: from,
  ToPort: to,
}: Ports): Pick<RuleSpec, "protocol" | "fromPort" | "toPort"> {
  if (IpProtocol === undefined || IpProtocol === "") {
    const words =
      "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.";
    throw new Fault("InvalidParameterValue", words);
  }
  const protocol = protocolNumber(IpProtocol);
  if (protocol === 6 || protocol === 17) return { protocol, ...portRange(from, to) };
  if (protocol === 1 || protocol === 58) return { protocol, ...icmpRange(protocol, from, to) };
  return { protocol, fromPort: -1, toPort: -1 };
}

type Range = { readonly fromPort: number; readonly toPort: number };

function portRange(from: number | undefined, to: number | undefined): Range {
  if (from === undefined || to === undefined) {
    throw new Fault(
      "InvalidParameterValue",
      "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
    );
  }
  for (const [name, port] of [["from", from] as const, ["to", to] as const]) {
    if (port < 0 || port > 65_535)
      throw new Fault("InvalidParameterValue", `TCP/UDP (${name}) port (${port}) out of range`);
  }
  if (from > to) throw new Fault("InvalidParameterValue", `Invalid TCP/UDP port range (${from}:${to})`);
  return { fromPort: from, toPort: to };
}

function icmpRange(protocol: 1 | 58, from: number | undefined, to: number | undefined): Range {
  if (protocol === 58 && from === undefined && to === undefined) return { fromPort: -1, toPort: -1 };
  if (from === undefined || to === undefined) {
    throw new Fault(
      "InvalidParameterValue",
      "Invalid value for portRange. Must specify both from and to ports with ICMP.",
    );
  }
  if (from < -1 || from > 255) throw new Fault("InvalidParameterValue", `ICMP type (${from}) out of range`);
  if (to < -1 || to > 255) throw new Fault("InvalidParameterValue", `ICMP code (${to}) out of range`);
  if (from === -1 && to !== -1) {
    throw new Fault("InvalidParameterValue", `ICMP code (${to}) must be -1 when the ICMP type is -1`);
  }
  return { fromPort: from, toPort: to };
}

export function ipv4Peer(text: string | undefined): RulePeer {
  const cidr = parseIpv4Block(text ?? "");
  if (!cidr) throw new Fault("InvalidParameterValue", `CIDR block ${text ?? "null"} is malformed`);
  return { kind: "ipv4", cidr: formatBlock(cidr) };
}

export function ipv6Peer(text: string | undefined): RulePeer {
  const block = parseIpv6Block(text ?? "");
  if (!block) throw new Fault("InvalidParameterValue", `CIDR block ${text ?? "null"} is malformed`);
  return { kind: "ipv6", cidr: formatBlock(block) };
}

/** @throws InvalidPrefixListID.NotFound. */
export function listPeer(tx: Reader, id: string | undefined, context: Context): RulePeer {
  return { kind: "prefix-list", prefixListId: findPrefixList(tx, id, context).id };
}

/** Two rules of one direction of a group are the same rule when their keys are. */
export function ruleKey({ protocol, fromPort, toPort, peer }: RuleSpec): string {
  return `${protocol}|${fromPort}|${toPort}|${peerText(peer)}`;
}

function peerText(peer: RulePeer): string {
  switch (peer.kind) {
    case "group":
      return peer.groupId;
    case "prefix-list":
      return peer.prefixListId;
    case "ipv4":
    case "ipv6":
      return peer.cidr;
  }
}

/** The rules as the API lists them: those of one protocol and range together. */
export function permissionsOf(tx: Reader, rules: readonly RuleSpec[], context: Context): IpPermission[] {
  const groups = new Map<string, RuleSpec[]>();
  for (const rule of rules) {
    const range = `${rule.protocol}|${rule.fromPort}|${rule.toPort}`;
    const same = groups.get(range);
    if (same) same.push(rule);
    else groups.set(range, [rule]);
  }
  return [...groups.values()].map((same) => permissionOf(tx, same, context));
}

function permissionOf(tx: Reader, rules: readonly RuleSpec[], context: Context): IpPermission {
  const described = rules.map(({ peer, description: Description }) => ({ peer, Description }));
  return {
    ...(rules[0] ? describedPorts(rules[0]) : {}),
    UserIdGroupPairs: described.flatMap(({ peer, Description }) =>
      peer.kind === "group" ? [{ Description, ...describedPeer(tx, peer, context) }] : [],
    ),
    IpRanges: described.flatMap(({ peer, Description }) =>
      peer.kind === "ipv4" ? [{ CidrIp: peer.cidr, Description }] : [],
    ),
    Ipv6Ranges: described.flatMap(({ peer, Description }) =>
      peer.kind === "ipv6" ? [{ CidrIpv6: peer.cidr, Description }] : [],
    ),
    PrefixListIds: described.flatMap(({ peer, Description }) =>
      peer.kind === "prefix-list" ? [{ Description, PrefixListId: peer.prefixListId }] : [],
    ),
  };
}

/** Only protocols with ports, or types and codes, show them. */
function describedPorts({ protocol, fromPort, toPort }: RuleSpec): Ports {
  const IpProtocol = protocolName(protocol);
  return [6, 17, 1, 58].includes(protocol)
    ? { IpProtocol, FromPort: fromPort, ToPort: toPort }
    : { IpProtocol };
}

/** A rule in the words of AWS's faults: `peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW`. */
export function ruleWords({ protocol, fromPort, toPort, peer }: RuleSpec): string {
  const any = (value: number): string => (value === -1 ? "ALL" : String(value));
  const name = protocol === -1 ? "ALL" : protocolName(protocol).toUpperCase();
  if (protocol === 6 || protocol === 17) {
    return `peer: ${peerText(peer)}, ${name}, from port: ${fromPort}, to port: ${toPort}, ALLOW`;
  }
  if (protocol === 1 || protocol === 58) {
    return `peer: ${peerText(peer)}, ${name}, type: ${any(fromPort)}, code: ${any(toPort)}, ALLOW`;
  }
  return `peer: ${peerText(peer)}, ${name}, ALLOW`;
}
