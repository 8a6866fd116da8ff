import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Route } from "../../model/route-table.ts";
import type { Step } from "../passage.ts";
import { gatewayRoute, placeOf } from "./place.ts";
import { interfaceOf, regionAt, type Scratch } from "./scratch.ts";

/** The id of the resource that decided at a stage; undefined when that is none of the account's. */
export function decider(scratch: Scratch, step: Step): string | undefined {
  const there = regionAt(scratch, step.interface);
  const eni = step.interface === 0 ? undefined : interfaceOf(there, step.interface);
  return eni && DECIDERS[step.stage](there, eni, step);
}

type Decider = (scratch: Scratch, eni: NetworkInterface, step: Step) => string | undefined;

const DECIDERS: Readonly<Record<Step["stage"], Decider>> = {
  parse: (_scratch, eni) => holder(eni),
  admit: (_scratch, eni) => holder(eni),
  services: (_scratch, eni, { what }) => (what === "dns_disabled" ? eni.vpcId : holder(eni)),
  security_group_out: groupOf,
  security_group_in: groupOf,
  network_acl_out: aclOf,
  network_acl_in: aclOf,
  route: (scratch, _eni, { source, flow }) =>
    source === undefined ? undefined : placeOf(scratch, source, flow.destination)?.table.id,
  nat_gateway: (_scratch, eni) => eni.natGatewayId,
  internet_gateway: gatewayOf,
  deliver: (_scratch, eni, { target }) => (target === undefined ? undefined : holder(eni)),
};

function holder({ id, attachment, natGatewayId }: NetworkInterface): string {
  return natGatewayId ?? attachment?.instanceId ?? id;
}

/** The group of the rule that lets it pass; when none does, all groups of the interface. */
function groupOf({ reader }: Scratch, { groupIds }: NetworkInterface, { params }: Step): string {
  const allowing = "group" in params ? params.group : undefined;
  return groupIds.find((id) => reader.get("security-group", id)?.slot === allowing) ?? groupIds.join(", ");
}

function aclOf({ reader }: Scratch, { subnetId }: NetworkInterface): string | undefined {
  return reader.get("subnet", subnetId)?.networkAcl?.networkAclId;
}

const EGRESS_ONLY: ReadonlySet<Step["what"]> = new Set(["egress_only_out", "egress_only_in", "egress_only"]);

function gatewayOf(
  { reader }: Scratch,
  { id, vpcId, subnetId }: NetworkInterface,
  { what, params }: Step,
): string {
  if (what === "block_public_access") return subnetId;
  if (what === "no_public_ip" || what === "public_ip_not_mapped") return id;
  const byEgressOnly = EGRESS_ONLY.has(what) || ("gateway" in params && params.gateway === "egress_only");
  const [gateway] = byEgressOnly
    ? reader.by("egress-only-internet-gateway", "vpcId", vpcId)
    : reader.by("internet-gateway", "vpcId", vpcId);
  return gateway?.id ?? vpcId;
}

/** The user's route that a stage followed, or that led it nowhere. */
export function routeOf(scratch: Scratch, { stage, source, target, flow }: Step): Route | undefined {
  if (stage === "internet_gateway")
    return target === undefined
      ? undefined
      : gatewayRoute(regionAt(scratch, target), target, flow.destination);
  return source === undefined
    ? undefined
    : placeOf(regionAt(scratch, source), source, flow.destination)?.route;
}
