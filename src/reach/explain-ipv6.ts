import { present } from "../lib/assert.ts";
import { matchedRoute } from "./explain-route.ts";
import { type ExplainedStep, idOf, type Scene, step } from "./explanation.ts";
import { assignIpv6Address, giveIpv6Block } from "./mend.ts";
import { ROUTE_TARGET } from "../plan/tables.ts";

/** What an address of IPv6 takes, from the VPC down: each is no fault of its own while the one before is missing. */
export function ipv6Steps({ tables, names, eni }: Scene): readonly ExplainedStep[] {
  const subnet = present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
  const [vpcId, subnetId] = [idOf(names, "vpc", eni.row.vpc), idOf(names, "subnet", eni.row.subnet)];
  const id = idOf(names, "network-interface", eni.slot);
  const hasBlock = subnet.ipv6_length > 0;
  const hasAddress = eni.row.ipv6 !== "::";
  const block = { ok: hasBlock, id: subnetId, code: undefined, mend: giveIpv6Block(names, vpcId, subnetId) };
  const address = { ok: hasAddress, id, code: undefined, mend: hasBlock ? assignIpv6Address(names, id) : [] };
  return [
    step("ipv6_block", block),
    step("ipv6_address", address, hasAddress ? { address: eni.row.ipv6 } : hasBlock ? {} : { comes: "block" }),
  ];
}

export function goesByEgressOnly(scene: Scene): boolean {
  return matchedRoute(scene)?.value.target === ROUTE_TARGET.egress_only;
}

/** Nobody comes in: that is what an egress-only internet gateway is for. */
export function egressOnlyStep({ tables, names, eni, to }: Scene): ExplainedStep {
  const { route_table: table } = present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
  const finding = { ok: false, id: names.egressOnlyGateway ?? idOf(names, "route-table", table), code: undefined, mend: [] };
  return step("egress_only", finding, { to }, "in");
}
