import { isIpv6Text } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import type { NetworkAclEntry } from "../../model/network-acl.ts";
import { type Flow, isIcmp, isIpv6Flow, TCP, UDP } from "../packet.ts";
import { matches, rulesOf } from "../rule-list.ts";
import { type Input, request } from "./call.ts";
import type { PortRange } from "./obstacle.ts";
import type { ExchangeQuestion } from "./question.ts";
import type { Drop, Remedy, Scene } from "./remedy.ts";
import { interfaceOf } from "./scratch.ts";

const EVERYBODY = "0.0.0.0/0";
const EVERYBODY_IPV6 = "::/0";
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "icmpv6"],
]);

/** The other side as a block: the one host, or everybody when the question was about the whole internet. */
function peerBlock({ client, server }: ExchangeQuestion, flow: Flow, direction: "out" | "in"): string {
  const peer = direction === "out" ? flow.destination : flow.source;
  const isAnyone = [client, server].some(
    (end) => end.kind === "internet" && end.anyone && end.address === peer,
  );
  if (isAnyone) return isIpv6Flow(flow) ? EVERYBODY_IPV6 : EVERYBODY;
  return `${peer}/${isIpv6Flow(flow) ? 128 : 32}`;
}

/** A rule for the traffic and host in question, in the interface's group with the fewest members. */
export function groupRemedies({ scratch, question }: Scene, { step, ports }: Drop): readonly Remedy[] {
  const eni = interfaceOf(scratch, step.interface);
  if (!eni) return [];
  const members = (id: string): number => scratch.reader.countBy("network-interface", "groupId", id);
  const direction = step.what === "security_group_out" ? "out" : "in";
  const block = peerBlock(question, step.flow, direction);
  const operation = direction === "out" ? "AuthorizeSecurityGroupEgress" : "AuthorizeSecurityGroupIngress";
  return eni.groupIds
    .toSorted((a, b) => members(a) - members(b))
    .map((GroupId) => ({
      calls: [request(operation, { GroupId, IpPermissions: [permission(step.flow, ports, block)] })],
    }));
}

function permission(flow: Flow, [from, to]: PortRange, block: string): Input {
  const [FromPort, ToPort] = isIcmp(flow) ? [-1, -1] : [from, to];
  const range: Input = isIpv6Text(block)
    ? { Ipv6Ranges: [{ CidrIpv6: block }] }
    : { IpRanges: [{ CidrIp: block }] };
  return {
    IpProtocol: PROTOCOL_NAMES.get(flow.protocol) ?? String(flow.protocol),
    FromPort,
    ToPort,
    ...range,
  };
}

/**
 * An entry before the denying one, for the traffic and host in question; for an answer, for all ports that it
 * may go to.
 */
export function aclRemedies({ scratch, question }: Scene, obstacle: Drop): readonly Remedy[] {
  const { step, ports } = obstacle;
  const eni = interfaceOf(scratch, step.interface);
  const aclId = eni && scratch.reader.get("subnet", eni.subnetId)?.networkAcl?.networkAclId;
  const acl = aclId === undefined ? undefined : scratch.reader.get("network-acl", aclId);
  if (!acl) return [];
  const direction = step.what === "network_acl_out" ? "out" : "in";
  const entries = acl.entries.filter(({ egress }) => egress === (direction === "out"));
  const block = peerBlock(question, step.flow, direction);
  const allowing = entryOf(step.flow, ports, block);
  const where = { NetworkAclId: acl.id, Egress: direction === "out" };
  const denying = firstDenying(scratch.tables, acl.slot, { flow: step.flow, direction, ports });
  const calls = inFront(entries, denying).map(({ kind, number, entry }) =>
    request(kind === "new" ? "CreateNetworkAclEntry" : "ReplaceNetworkAclEntry", {
      ...where,
      RuleNumber: number,
      ...(entry === undefined ? { ...allowing, RuleAction: "allow" } : asInput(entry)),
    }),
  );
  return calls.length === 0 ? [] : [{ calls }];
}

function entryOf(flow: Flow, [From, To]: PortRange, block: string): Input {
  const where: Input = isIpv6Text(block) ? { Ipv6CidrBlock: block } : { CidrBlock: block };
  if (isIcmp(flow))
    return {
      Protocol: String(flow.protocol),
      IcmpTypeCode: { Type: flow.icmp?.type ?? -1, Code: -1 },
      ...where,
    };
  const hasPorts = flow.protocol === TCP || flow.protocol === UDP;
  return { Protocol: String(flow.protocol), ...(hasPorts ? { PortRange: { From, To } } : {}), ...where };
}

type Asked = { readonly flow: Flow; readonly direction: "out" | "in"; readonly ports: PortRange };

/** The lowest number of an entry that denies some of it; undefined when only the closing deny does. */
function firstDenying(
  tables: Scene["scratch"]["tables"],
  slot: number,
  { flow, direction, ports: [from, to] }: Asked,
): number | undefined {
  const rules = rulesOf(tables, direction === "out" ? "network_acl_out" : "network_acl_in", slot);
  const peer = direction === "out" ? flow.destination : flow.source;
  const bounds = rules
    .flatMap((rule) => [rule.port_from, rule.port_to + 1])
    .filter((port) => port > from && port <= to);
  const numbers = [from, ...bounds].flatMap((port) => {
    const asked = { flow: from === to ? flow : { ...flow, destinationPort: port }, peer, groups: [] };
    const rule = rules.find((one) => matches(one, asked));
    return rule?.action === 0 ? [rule.number] : [];
  });
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}

const LAST_NUMBER = 32_766;

/** `entry`: the entry there now, which moves; absent for the new one. */
type Placed = { readonly kind: "new" | "replace"; readonly number: number; readonly entry?: NetworkAclEntry };

/**
 * A free number before the denying one, in steps of ten where there is room, as people number them. When none
 * is free, the entries up to the next gap each move back by one number, the last one first: at no time is
 * anything else decided differently.
 */
function inFront(entries: readonly NetworkAclEntry[], denying: number | undefined): readonly Placed[] {
  const taken = new Map(entries.map((entry) => [entry.ruleNumber, entry]));
  const before = denying ?? LAST_NUMBER + 1;
  const round = Array.from({ length: 50 }, (_, index) => 100 + index * 10).find(
    (number) => number < before && !taken.has(number),
  );
  if (round !== undefined) return [{ kind: "new", number: round }];
  for (let number = before - 1; number > 0; number--)
    if (!taken.has(number)) return [{ kind: "new", number }];
  let gap = before;
  while (taken.has(gap)) gap++;
  if (gap > LAST_NUMBER) return [];
  const moves: Placed[] = [];
  for (let number = gap; number > before; number--)
    moves.push({
      kind: number === gap ? "new" : "replace",
      number,
      entry: present(taken.get(number - 1), "the entry"),
    });
  return [...moves, { kind: "replace", number: before }];
}

function asInput({ protocol, action, cidrBlock, ipv6CidrBlock, portRange, icmp }: NetworkAclEntry): Input {
  return {
    Protocol: String(protocol),
    RuleAction: action,
    ...(cidrBlock === undefined ? {} : { CidrBlock: cidrBlock }),
    ...(ipv6CidrBlock === undefined ? {} : { Ipv6CidrBlock: ipv6CidrBlock }),
    ...(portRange ? { PortRange: { From: portRange.from, To: portRange.to } } : {}),
    ...(icmp ? { IcmpTypeCode: { Type: icmp.type, Code: icmp.code } } : {}),
  };
}
