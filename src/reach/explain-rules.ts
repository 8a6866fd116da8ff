import { present } from "../lib/assert.ts";
import type { Rule } from "../plan/rule-list.ts";
import { DROPS } from "../plan/stages.ts";
import { type ExplainedStep, idOf, type Scene, step } from "./explanation.ts";
import { allowInAcl, allowInGroup } from "./mend.ts";
import { type Flow, ICMP, ICMPV6, TCP, UDP } from "./packet.ts";
import { matches, rulesOf } from "./rule-list.ts";

/** Any port that a client may send from; replies come back to it (VPC user guide, "Ephemeral ports"). */
const EPHEMERAL: PortRange = [1024, 65_535];
type PortRange = readonly [from: number, to: number];

/** Does a rule of one of the interface's groups admit a new exchange? A rule that names a group counts within a VPC alone, and between peered ones. */
export function groupStep(scene: Scene, what: "security_group_out" | "security_group_in", flow: Flow): ExplainedStep {
  const { tables, names, to } = scene;
  const direction = what === "security_group_out" ? "out" : "in";
  const groups = groupsOf(scene);
  const lists = groups.map((group) => ({ group, rules: rulesOf(tables, what, group) }));
  const admitting = lists.find(({ rules }) => rules.some((rule) => matches(rule, { flow, peer: to, groups: scene.peerGroups ?? [] })));
  const id = idOf(names, "security-group", present(admitting?.group ?? groups[0], "a group of the interface"));
  const code = lists.every(({ rules }) => rules.length === 0) ? "SG_HAS_NO_RULES" : DROPS[what].code;
  const finding = {
    ok: admitting !== undefined,
    id,
    code,
    mend: allowInGroup(names, { groupId: id, direction, flow, block: scene.block }),
  };
  return step(what, finding, { ...trafficParams(flow, undefined), to }, direction);
}

type AclStep =
  | "network_acl_out"
  | "network_acl_reply_in"
  | "network_acl_in"
  | "network_acl_reply_out"
  | "nat_acl_in"
  | "nat_acl_out"
  | "nat_acl_reply_in"
  | "nat_acl_reply_out";

const ACL_STEPS: Readonly<
  Record<AclStep, { readonly list: "network_acl_out" | "network_acl_in"; readonly direction: "out" | "in"; readonly isReply: boolean }>
> = {
  network_acl_out: { list: "network_acl_out", direction: "out", isReply: false },
  network_acl_reply_in: { list: "network_acl_in", direction: "out", isReply: true },
  network_acl_in: { list: "network_acl_in", direction: "in", isReply: false },
  network_acl_reply_out: { list: "network_acl_out", direction: "in", isReply: true },
  // Of a NAT gateway's subnet.
  nat_acl_in: { list: "network_acl_in", direction: "out", isReply: false },
  nat_acl_out: { list: "network_acl_out", direction: "out", isReply: false },
  nat_acl_reply_in: { list: "network_acl_in", direction: "out", isReply: true },
  nat_acl_reply_out: { list: "network_acl_out", direction: "out", isReply: true },
};

/** Does the subnet's ACL let it pass? It remembers nothing: replies need rules of their own, for every port that a client may use. */
export function aclStep(scene: Scene, what: AclStep, flow: Flow): ExplainedStep {
  const { tables, names, eni, to } = scene;
  const { list, direction, isReply } = ACL_STEPS[what];
  const subnet = present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
  const rules = rulesOf(tables, list, subnet.network_acl);
  const ports: PortRange = isReply ? EPHEMERAL : [flow.destinationPort ?? 0, flow.destinationPort ?? 0];
  const denied = deniedPorts(rules, flow, to, ports);
  const id = idOf(names, "network-acl", subnet.network_acl);
  const denying = denied.map(({ rule }) => rule?.number).filter((number) => number !== undefined);
  const mend =
    denied.length === 0
      ? []
      : allowInAcl(names, {
          aclId: id,
          side: list === "network_acl_out" ? "egress" : "ingress",
          flow,
          ports,
          rules,
          block: scene.block,
          taken: takenIn(scene, `${id} ${list}`),
          denying: denying.length > 0 ? Math.min(...denying) : undefined,
        });
  const rule = denied[0] ? { rule: denied[0].rule ? String(denied[0].rule.number) : "*" } : {};
  const params = { ...trafficParams(flow, ports), to, ...rule };
  return step(what, { ok: denied.length === 0, id, code: DROPS.network_acl_in.code, mend }, params, direction);
}

function takenIn({ entryNumbers }: Scene, list: string): Set<number> {
  const taken = entryNumbers.get(list) ?? new Set();
  entryNumbers.set(list, taken);
  return taken;
}

type Denied = { readonly port: number; readonly rule: Rule | undefined };

/**
 * The first port of each stretch that is denied, and the rule that denies it (absent: the closing one). Between the
 * bounds of rules nothing changes, so these ports stand for all.
 */
function deniedPorts(rules: readonly Rule[], flow: Flow, peer: string, [from, to]: PortRange): readonly Denied[] {
  const bounds = hasPorts(flow) ? rules.flatMap((rule) => [rule.port_from, rule.port_to + 1]) : [];
  const ports = [...new Set([from, ...bounds.filter((port) => port > from && port <= to)])].toSorted((a, b) => a - b);
  return ports.flatMap((port) => {
    const asked = { flow: hasPorts(flow) ? { ...flow, destinationPort: port } : flow, peer, groups: [] };
    const rule = rules.find((candidate) => matches(candidate, asked));
    return rule?.action === 1 ? [] : [{ port, rule }];
  });
}

function hasPorts(flow: Flow): boolean {
  return flow.protocol === TCP || flow.protocol === UDP;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [ICMP, "icmp"],
  [TCP, "tcp"],
  [UDP, "udp"],
  [ICMPV6, "icmpv6"],
]);

function trafficParams(flow: Flow, ports: PortRange | undefined): Readonly<Record<string, string>> {
  const protocol = NAMES.get(flow.protocol) ?? String(flow.protocol);
  if (flow.icmp) return { protocol, type: String(flow.icmp.type) };
  if (!hasPorts(flow)) return { protocol };
  const [from, to] = ports ?? [flow.destinationPort ?? 0, flow.destinationPort ?? 0];
  return { protocol, port: from === to ? String(from) : `${from}-${to}` };
}

function groupsOf({ eni }: Scene): readonly number[] {
  return eni.row.groups.slice(0, eni.row.group_count);
}
