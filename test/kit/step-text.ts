import type { DropReason, PassReason } from "../../src/contract/stages.ts";
import type { Passed } from "../../src/reach/outcome.ts";
import type { Step } from "../../src/reach/passage.ts";

/** How a resource is called that the tables know by a slot. A NAT gateway's is that of its interface. */
export type NameOf = (
  kind: "interface" | "security group" | "network ACL" | "NAT gateway" | "VPC" | "internet gateway",
  slot: number,
) => string;

const bySlot: NameOf = (kind, slot) => `${kind} ${slot}`;

/**
 * What a stage says, for stories and disagreements: of a drop its reason. Without `nameOf`, resources go by
 * their slots.
 */
export function stepText(step: Step, nameOf: NameOf = bySlot): string {
  return `${step.stage}: ${step.kind === "drop" ? (step.what satisfies DropReason) : passText(step, nameOf)}`;
}

type PassedStep = Extract<Step, { readonly kind: "pass" }>;
type Around = Pick<Step, "flow" | "target"> & { readonly nameOf: NameOf };
type Texts = { readonly [What in PassReason]: (params: Passed<What>["params"], around: Around) => string };

function passText({ what, params, flow, target }: PassedStep, nameOf: NameOf): string {
  return (TEXTS[what] as (params: PassedStep["params"], around: Around) => string)(params, {
    flow,
    target,
    nameOf,
  });
}

const rule = ({ group, untracked }: Passed<"security_group_in">["params"], { nameOf }: Around): string =>
  `a rule of ${nameOf("security group", group)} allows${untracked === undefined ? "" : `, ${UNTRACKED[untracked]}`}`;
const UNTRACKED = { open: "untracked", midstream: "untracked since its beginning was not seen" };
const first = (slot: number | undefined, nameOf: NameOf): string =>
  slot === undefined ? "" : `, and goes to ${nameOf("interface", slot)} first`;
const ABOUT = "an error about an exchange that the egress-only gateway knows";

const TEXTS: Texts = {
  parse: (_, { flow }) => `protocol ${flow.protocol}, ${flow.source} to ${flow.destination}`,
  admit: (_, { flow }) => `from its own ${flow.source}`,
  forwards: (_, { flow }) => `forwards for ${flow.source}`,
  no_service: () => "not for a service",
  service: ({ service, isAnswer }, { target, nameOf }) =>
    isAnswer
      ? `an answer to ${nameOf("interface", target ?? 0)}`
      : { metadata: "the metadata service", dns: "DNS", time: "time" }[service],
  security_group_out: rule,
  security_group_in: rule,
  remembered: ({ by }) =>
    by === "error" ? "an error about a remembered exchange" : "belongs to a remembered exchange",
  network_acl_out: ({ acl, rule: { number } }, { nameOf }) =>
    `rule ${number} of ${nameOf("network ACL", acl)} allows`,
  network_acl_in: ({ acl, rule: { number } }, { nameOf }) =>
    `rule ${number} of ${nameOf("network ACL", acl)} allows`,
  same_subnet: () => "not asked within a subnet",
  no_network_acl: () => "no ACL guards a regional NAT gateway",
  route: ({ destination, target, slot }, { nameOf }) =>
    target === "local"
      ? `${destination} is local`
      : `${destination} to ${TARGETS[target]?.(slot, nameOf) ?? target}`,
  within_subnet: () => "within the subnet",
  nat_gateway_out: ({ address, port, translated, translatedPort, isError }) =>
    isError
      ? `an error about a connection of ${translated}:${translatedPort}`
      : `${address}:${port} becomes ${translated}:${translatedPort}`,
  nat_gateway_in: ({ address, translated, translatedPort }) =>
    `${address} becomes ${translated}:${translatedPort}`,
  internet_gateway_out: ({ privateIp, publicIp }) => `${privateIp} becomes ${publicIp}`,
  internet_gateway_in: ({ privateIp, publicIp, first: appliance }, { nameOf }) =>
    `${publicIp} becomes ${privateIp}${first(appliance, nameOf)}`,
  ipv6_gateway_out: (_, { flow }) => `${flow.source} is public`,
  ipv6_gateway_in: ({ interface: slot, first: appliance }, { flow, nameOf }) =>
    `${flow.destination} is on ${nameOf("interface", slot)}${first(appliance, nameOf)}`,
  egress_only_out: ({ by }) =>
    ({
      new: "by the egress-only gateway",
      exchange: "belongs to an exchange that the egress-only gateway knows",
      error: ABOUT,
    })[by],
  egress_only_in: ({ by }) => (by === "error" ? ABOUT : "answers what went out by the egress-only gateway"),
  deliver: ({ to, inPieces }, around) => `${deliveredTo(to, around)}${inPieces ? ", in fragments" : ""}`,
};

const TARGETS: Partial<
  Record<Passed<"route">["params"]["target"], (slot: number, nameOf: NameOf) => string>
> = {
  interface: (slot, nameOf) => nameOf("interface", slot),
  nat_gateway: (slot, nameOf) => nameOf("NAT gateway", slot),
  peering: (slot, nameOf) => `the peer ${nameOf("VPC", slot)}`,
  remote_peering: (slot, nameOf) => `the peer ${nameOf("VPC", slot)}`,
  internet_gateway: (slot, nameOf) => nameOf("internet gateway", slot),
  egress_only: () => "the egress-only internet gateway",
};

function deliveredTo(to: Passed<"deliver">["params"]["to"], { target, nameOf }: Around): string {
  return {
    interface: `to ${nameOf("interface", target ?? 0)}`,
    internet: "out of the uplink",
    services: "to the services",
  }[to];
}
