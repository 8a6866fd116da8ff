import { present } from "../lib/assert.ts";
import { DROPS } from "../plan/stages.ts";
import { ROUTE_TARGET, SUBNET_FLAGS, type TableReader } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { applianceOf, applianceStep, interfaceIdOf } from "./explain-appliance.ts";
import { insideSteps, insideWay } from "./explain-inside.ts";
import { natGatewayOf, natGatewaySteps, usableNatGateway } from "./explain-nat.ts";
import { egressOnlyStep, goesByEgressOnly, ipv6Steps } from "./explain-ipv6.ts";
import { attachedGateway, candidate, leadsOut, matchedRoute } from "./explain-route.ts";
import { aclStep, groupStep } from "./explain-rules.ts";
import { type ExplainedStep, type Explanation, idOf, isIpv6Scene, ownAddress, type Question, type Scene, step } from "./explanation.ts";
import { isOurs, poolsIn } from "./internet-gateway.ts";
import { attachGateway, deleteRoute, excludeSubnet, mapPublicIp, routeTo, routeToGateway, startInstance } from "./mend.ts";
import type { Names } from "./names.ts";
import { NO_POOL, poolIndex } from "../plan/pool.ts";
import { answerTo, type Flow, ICMP, ICMPV6, isIpv6Flow, TCP, UDP } from "./packet.ts";
import { type Ends, has, interfaceAt, prefixOf, routeTo as routeIn } from "./passage.ts";

const PROTOCOLS = { tcp: TCP, udp: UDP, icmp: ICMP } as const;
const DEFAULT_PORT = 80;

/** The way to the internet and back, step by step, as the tables have it for the interface at the slot. */
export function explain(tables: TableReader, names: Names, slot: number, question: Question): Explanation {
  const eni = present(interfaceAt(tables, slot), `interface ${slot}`);
  const scene: Scene = { tables, names, eni, to: question.to, entryNumbers: new Map() };
  const flowTo = (source: string, destination: string): Flow => flowOf(question.protocol ?? "tcp", question.port, { source, destination });
  const inside = insideWay(scene);
  if (inside) {
    const { steps, by } = insideSteps(scene, inside, flowTo);
    return { ...verdict([instanceStep(scene), ...steps]), inside: true, ...(by === undefined ? {} : { depends: by }) };
  }
  const outward = flowTo(ownAddress(scene), question.to);
  const appliance = applianceOf(scene);
  if (appliance) return { ...verdict(applianceSteps(scene, appliance, outward)), depends: interfaceIdOf(scene, appliance.slot) };
  const inward = flowTo(question.to, ownAddress(scene));
  const nat = natGatewayOf(scene) ?? usableNatGateway(scene);
  const egressOnly = goesByEgressOnly(scene);
  const diverted = egressOnly ? { steps: [], by: undefined } : divertedBy(scene, nat ?? scene.eni);
  const steps: readonly ExplainedStep[] = [
    instanceStep(scene),
    ...(isIpv6Scene(scene) ? ipv6Steps(scene) : []),
    ...(egressOnly ? [] : [gatewayStep(scene)]),
    ...blockedSteps(scene, nat ?? scene.eni, egressOnly),
    ...diverted.steps,
    routeStep(scene),
    ...addressSteps(scene, nat, outward),
    ...(egressOnly ? [egressOnlyStep(scene)] : []),
    ...destinationStep(scene),
    groupStep(scene, "security_group_out", outward),
    aclStep(scene, "network_acl_out", outward),
    aclStep(scene, "network_acl_reply_in", answerTo(outward)),
    // Nobody comes in by those, whatever else is open.
    ...(nat || egressOnly ? [] : inwardSteps(scene, question, inward)),
  ];
  return { ...verdict(heldBack(scene, steps)), ...(diverted.by === undefined ? {} : { depends: diverted.by }) };
}

function inwardSteps(scene: Scene, { port, protocol }: Question, inward: Flow): readonly ExplainedStep[] {
  const group = groupStep(scene, "security_group_in", inward);
  const isDefault = port === undefined && protocol === undefined && !group.ok;
  return [
    aclStep(scene, "network_acl_in", inward),
    isDefault ? { ...group, params: { ...group.params, asked: "default" } } : group,
    aclStep(scene, "network_acl_reply_out", answerTo(inward)),
  ];
}

/**
 * A host that the internet does not carry is not reached by any of the commands. Of IPv6, what comes after the subnet's block waits
 * for it: the block's own command brings some of it, and the rest would fail.
 */
function heldBack(scene: Scene, steps: readonly ExplainedStep[]): readonly ExplainedStep[] {
  if (steps.some(({ what }) => what === "destination")) return steps.map((one) => ({ ...one, mend: [] }));
  const waits = isIpv6Scene(scene) && steps.some(({ what, ok }) => what === "ipv6_block" && !ok);
  return waits ? steps.map((one) => (one.what === "ipv6_block" || one.what === "instance" ? one : { ...one, mend: [] })) : steps;
}

function verdict(steps: readonly ExplainedStep[]): Explanation {
  const holds = (direction: "out" | "in"): boolean =>
    steps.every((step) => step.ok || (step.direction !== direction && step.direction !== "both"));
  return { steps, out: holds("out"), in: holds("in") };
}

/** Of IPv6 an address is public by itself. */
function addressSteps(scene: Scene, nat: Ends | undefined, outward: Flow): readonly ExplainedStep[] {
  if (isIpv6Scene(scene)) return [];
  return nat === undefined ? [publicIpStep(scene)] : natGatewaySteps(scene, nat, outward);
}

function flowOf(protocol: keyof typeof PROTOCOLS, port: number | undefined, ends: Pick<Flow, "source" | "destination">): Flow {
  if (protocol === "icmp" && isIpv6Flow(ends)) return { ...ends, protocol: ICMPV6, icmp: { type: 128, code: 0 } };
  if (protocol === "icmp") return { ...ends, protocol: ICMP, icmp: { type: 8, code: 0 } };
  return { ...ends, protocol: PROTOCOLS[protocol], destinationPort: port ?? DEFAULT_PORT };
}

function instanceStep({ names, eni }: Scene): ExplainedStep {
  const id = names.instance?.id ?? interfaceId(names, eni);
  const state = names.instance?.state ?? "detached";
  return step("instance", { ok: has(eni, "up"), id, code: DROPS.interface_down.code, mend: startInstance(names) }, { state });
}

/**
 * Only where Block Public Access stops something at the internet gateway: of the instance's own interface, or outwards of the NAT
 * gateway's (`met`), which the internet gateway meets instead.
 */
function blockedSteps(scene: Scene, met: Ends, egressOnly: boolean): readonly ExplainedStep[] {
  const { tables, names } = scene;
  const flags = tables.lookup("subnets", met.row.subnet)?.flags ?? 0;
  const id = idOf(names, "subnet", met.row.subnet);
  const code = DROPS.block_public_access.code;
  const finding = { ok: false, id, code, mend: excludeSubnet(names, id) };
  if (flags & SUBNET_FLAGS.block_out) return [step("block_public_access", finding)];
  if (!(flags & SUBNET_FLAGS.block_in) || has(met, "nat_gateway") || egressOnly) return [];
  // Answers come in too.
  return [step("block_public_access", finding)];
}

/** Only where the gateway's own route table sends what comes in to somebody else first; `by`: an appliance, which decides. */
function divertedBy(scene: Scene, met: Ends): { readonly steps: readonly ExplainedStep[]; readonly by: string | undefined } {
  const { tables, names } = scene;
  const table = tables.lookup("vpcs", met.row.vpc)?.gateway_route_table ?? 0;
  const own = met === scene.eni ? ownAddress(scene) : met.row.private_ip;
  const match = table === 0 ? undefined : routeIn(tables, table - 1, own);
  if (!match || match.value.target === ROUTE_TARGET.local) return { steps: [], by: undefined };
  if (match.value.target === ROUTE_TARGET.interface && match.value.slot === met.slot) return { steps: [], by: undefined };
  const id = idOf(names, "route-table", table - 1);
  const destination = prefixOf(match);
  const params = { privateIp: own, destination, target: targetName(scene, match.value) };
  const appliance = match.value.target === ROUTE_TARGET.interface ? interfaceAt(tables, match.value.slot) : undefined;
  if (appliance) return { steps: [applianceStep(scene, "gateway_appliance", appliance, params)], by: params.target };
  const mend = deleteRoute(names, id, destination);
  return { steps: [step("gateway_route", { ok: false, id, code: "MORE_SPECIFIC_ROUTE", mend }, params)], by: undefined };
}

/** What there is before the appliance, of both directions where the instance has an address of its own on the internet. */
function applianceSteps(scene: Scene, appliance: Ends, outward: Flow): readonly ExplainedStep[] {
  const match = present(matchedRoute(scene), "the route");
  const params = { to: scene.to, destination: prefixOf(match), target: targetName(scene, match.value) };
  return [
    instanceStep(scene),
    applianceStep(scene, "appliance", appliance, params),
    groupStep(scene, "security_group_out", outward),
    ...(appliance.row.subnet === scene.eni.row.subnet ? [] : [aclStep(scene, "network_acl_out", outward)]),
  ];
}

/** The gateway that the VPC's row names; and when there is none, the one that would best be attached. */
function gatewayStep(scene: Scene): ExplainedStep {
  const { names, eni } = scene;
  const attached = attachedGateway(scene);
  const vpcId = idOf(names, "vpc", eni.row.vpc);
  const id = attached === undefined ? vpcId : idOf(names, "internet-gateway", attached);
  const takes = candidate(scene);
  const mend = attachGateway(names, vpcId, takes);
  return step("internet_gateway", { ok: attached !== undefined, id, code: DROPS.no_internet_gateway.code, mend, takes }, { vpc: vpcId });
}

/**
 * The longest match must lead to the VPC's gateway. Where no gateway is attached, a route to one that could be is no
 * fault of its own.
 */
function routeStep(scene: Scene): ExplainedStep {
  const { tables, names, eni } = scene;
  const subnet = present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
  const tableId = idOf(names, "route-table", subnet.route_table);
  const vpcId = idOf(names, "vpc", eni.row.vpc);
  const attached = attachedGateway(scene);
  const gatewayId = attached === undefined ? candidate(scene) : idOf(names, "internet-gateway", attached);
  const match = matchedRoute(scene);
  const nat = usableNatGateway(scene);
  if (nat) {
    const natId = names.natGateways.get(nat.slot) ?? `NAT gateway ${nat.slot}`;
    const way = { tableId, destination: match ? prefixOf(match) : "0.0.0.0/0", replaces: match !== undefined };
    const code = match ? DROPS.blackhole.code : DROPS.no_route.code;
    return step("route", { ok: false, id: tableId, code, mend: routeTo(names, way, "--nat-gateway-id", natId) }, { to: scene.to });
  }
  if (!match) {
    const mend = routeToGateway(names, { vpcId, tableId, gatewayId, instead: undefined, ipv6: isIpv6Scene(scene) });
    return step("route", { ok: false, id: tableId, code: DROPS.no_route.code, mend }, { to: scene.to });
  }
  const destination = prefixOf(match);
  const params = { to: scene.to, destination, target: targetName(scene, match.value) };
  const { target } = match.value;
  if (target === ROUTE_TARGET.local)
    return step("route", { ok: false, id: tableId, code: "VPC_LOCAL_ROUTE_CIDR_RESTRICTION", mend: [] }, params);
  if (target === ROUTE_TARGET.nat_gateway) return step("route", { ok: true, id: tableId, code: DROPS.blackhole.code, mend: [] }, params);
  if (target === ROUTE_TARGET.egress_only) return step("route", { ok: true, id: tableId, code: undefined, mend: [] }, params);
  if (target === ROUTE_TARGET.nothing) return step("route", { ok: false, id: tableId, code: DROPS.blackhole.code, mend: [] }, params);
  // To the peer it is a way, which another target would take away.
  if (target === ROUTE_TARGET.peering) return step("route", { ok: false, id: tableId, code: DROPS.blackhole.code, mend: [] }, params);
  const ok = leadsOut(scene, match.value);
  const mend = routeToGateway(names, { vpcId, tableId, gatewayId, instead: destination, ipv6: isIpv6Scene(scene) });
  const code = target === ROUTE_TARGET.interface ? "MORE_SPECIFIC_ROUTE" : DROPS.blackhole.code;
  return step("route", { ok, id: tableId, code, mend }, params);
}

function targetName(scene: Scene, { target, slot }: { readonly target: number; readonly slot: number }): string {
  const { names } = scene;
  if (target === ROUTE_TARGET.local) return "local";
  if (target === ROUTE_TARGET.internet_gateway) return idOf(names, "internet-gateway", slot);
  if (target === ROUTE_TARGET.nat_gateway) return names.natGateways.get(slot) ?? `NAT gateway ${slot}`;
  if (target === ROUTE_TARGET.egress_only) return names.egressOnlyGateway ?? "egress-only internet gateway";
  if (target === ROUTE_TARGET.nothing) return "a gateway with nothing behind it";
  if (target === ROUTE_TARGET.peering) return names.peerings.find(({ vpc }) => vpc === slot)?.id ?? idOf(names, "vpc", slot);
  return target === ROUTE_TARGET.interface ? interfaceIdOf(scene, slot) : "blackhole";
}

/**
 * Mapped both ways: the interface names it, and it leads back to the interface. Where the instance's start brings one
 * (`comes`), the start mends this step too.
 */
function publicIpStep(scene: Scene): ExplainedStep {
  const { tables, names, eni } = scene;
  const id = interfaceId(names, eni);
  const publicIp = eni.row.public_ip;
  const mapped = publicIp !== "0.0.0.0";
  const index = mapped ? poolIndex(poolsIn(tables), publicIp) : NO_POOL;
  const back = index === NO_POOL ? undefined : tables.lookup("public_addresses", index);
  const ok = mapped && back?.interface === eni.slot && back.private_ip === eni.row.private_ip;
  const code = mapped ? DROPS.public_ip_not_mapped.code : DROPS.no_public_ip.code;
  const comes = !mapped && names.publicIpComes;
  return step(
    "public_ip",
    { ok, id, code, mend: comes ? [] : mapPublicIp(names, id), ...(comes ? {} : { takes: names.freeAllocation }) },
    { privateIp: eni.row.private_ip, ...(mapped ? { publicIp } : {}), ...(comes ? { comes: "start" } : {}) },
  );
}

/** Only when the internet cannot carry the destination: nothing mends that. */
function destinationStep({ tables, names, eni, to }: Scene): readonly ExplainedStep[] {
  if (isOurs(tables, to) || !isIn(to, "private", "shared")) return [];
  const code = isIn(to, "private") ? DROPS.private_destination.code : DROPS.shared_destination.code;
  const id = names.instance?.id ?? idOf(names, "network-interface", eni.slot);
  return [step("destination", { ok: false, id: idOf(names, "vpc", eni.row.vpc), code, mend: [] }, { to, sender: id })];
}

function interfaceId(names: Names, eni: Ends): string {
  return idOf(names, "network-interface", eni.slot);
}
