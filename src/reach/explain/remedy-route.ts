import { isIpv6Text } from "../../lib/address.ts";
import { embeddedIpv4, isNat64, NAT64_BLOCK } from "../../lib/nat64.ts";
import { isActive } from "../../model/route-state.ts";
import { type Route, routeId, type RouteTable } from "../../model/route-table.ts";
import type { Reader } from "../../model/state.ts";
import type { VpcPeeringConnection } from "../../model/vpc-peering-connection.ts";
import { prefixOf, routeTo, type Step } from "../passage.ts";
import { type Call, type Input, request, type Value } from "./call.ts";
import { gatewayRoute, type Place, placeOf, routeAt } from "./place.ts";
import { blockWith, livePeerings, publicIpOf } from "./question.ts";
import { type Drop, type Remedy, type Scene, starts } from "./remedy.ts";
import { interfaceOf, type Scratch } from "./scratch.ts";

/** A possible target of a new route. */
type Target = {
  readonly kind: Route["target"]["kind"];
  readonly value: Value;
  /** The destination, when there is no route yet. */
  readonly destination: string;
  /** The requests to make before. */
  readonly before: readonly Call[];
  readonly takes?: string;
  readonly also?: Remedy["also"];
};

/**
 * Remedies for a route that is missing or a blackhole. A route to an appliance is never bypassed: its
 * instance is started.
 */
export function routeRemedies(scene: Scene, obstacle: Drop): readonly Remedy[] {
  const { scratch } = scene;
  const { step } = obstacle;
  if (step.stage === "internet_gateway") return ofGatewayTable(scratch, obstacle);
  const place = step.source === undefined ? undefined : placeOf(scratch, step.source, step.flow.destination);
  if (!place) return [];
  const { route } = place;
  if (route?.target.kind === "network-interface") return startOf(scratch, route);
  const pending = route && pendingPeering(scratch, route);
  if (pending) return [accepted(pending)];
  return targets(place, obstacle).flatMap((target) => placed(place, target));
}

/** Remedies for a NAT64 address that a route leads to the internet untranslated. */
export function nat64Remedies({ scratch }: Scene, { source, flow }: Step): readonly Remedy[] {
  const place = source === undefined ? undefined : placeOf(scratch, source, flow.destination);
  return place ? natTargets(place).flatMap((target) => placed(place, target)) : [];
}

/** Remedies for a peered VPC's address that a less specific route leads elsewhere. */
export function peerRemedies({ scratch }: Scene, { step }: Drop): readonly Remedy[] {
  const place = step.source === undefined ? undefined : placeOf(scratch, step.source, step.flow.destination);
  return place ? peerTargets(place).flatMap((target) => placed(place, target)) : [];
}

/** Remedies when the VPC has no gateway, or the route names a gateway that is not the VPC's. */
export function unattachedRemedies({ scratch }: Scene, { step, inwards }: Drop): readonly Remedy[] {
  const eni = interfaceOf(scratch, step.interface);
  if (!eni) return [];
  const place = inwards ? undefined : placeOf(scratch, step.interface, step.flow.destination);
  const { target, attached } = attachGateway(scratch, eni.vpcId, place?.route?.target.id);
  if (place && (attached || place.route?.target.id !== target.takes)) return placed(place, target);
  return target.before.length === 0 ? [] : [{ calls: target.before, ...takenBy(target) }];
}

/** Remedies when packets from the internet first go to an appliance that is not running. */
function ofGatewayTable(scratch: Scratch, { step }: Drop): readonly Remedy[] {
  const route =
    step.target === undefined ? undefined : gatewayRoute(scratch, step.target, step.flow.destination);
  return route?.target.kind === "network-interface" ? startOf(scratch, route) : [];
}

function startOf(scratch: Scratch, { target }: Route): readonly Remedy[] {
  const eni = scratch.reader.get("network-interface", target.id);
  return eni ? starts(scratch, eni) : [];
}

function pendingPeering({ reader }: Scratch, { target }: Route): VpcPeeringConnection | undefined {
  const connection =
    target.kind === "vpc-peering-connection" ? reader.get(target.kind, target.id) : undefined;
  return connection?.status === "pending-acceptance" ? connection : undefined;
}

/** Only the accepter's region accepts. */
function accepted({ id, accepter }: VpcPeeringConnection): Remedy {
  return {
    calls: [
      { ...request("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: id }), region: accepter.region },
    ],
  };
}

function peerTargets({ scratch, eni, destination }: Place): readonly Target[] {
  const readerIn = (region: string): Reader => scratch.elsewhere(region).reader;
  return livePeerings(scratch.reader, eni.vpcId, readerIn).flatMap(
    ({ connection, peer }): readonly Target[] => {
      const block = peer && blockWith(peer, destination);
      if (block === undefined) return [];
      const before = connection.status === "active" ? [] : accepted(connection).calls;
      return [{ kind: "vpc-peering-connection", value: connection.id, destination: block, before }];
    },
  );
}

/** What could carry the packet on from here, the best first. */
function targets(place: Place, { leg, packet }: Drop): readonly Target[] {
  const { scratch, eni, destination } = place;
  const { reader } = scratch;
  const peers = peerTargets(place);
  if (peers.length > 0) return peers;
  if (isNat64(destination)) return natTargets(place);
  const gateway = attachGateway(scratch, eni.vpcId, undefined, destination).target;
  if (isIpv6Text(destination)) {
    const [egressOnly] =
      leg === "request" && packet.from === eni.slot
        ? reader.by("egress-only-internet-gateway", "vpcId", eni.vpcId)
        : [];
    const kind = "egress-only-internet-gateway";
    return [
      ...(egressOnly
        ? [{ kind, value: egressOnly.id, destination: gateway.destination, before: [] } as const]
        : []),
      gateway,
    ];
  }
  const isPrivate =
    eni.natGatewayId === undefined && publicIpOf(scratch, eni, eni.privateIpAddresses[0] ?? "") === undefined;
  return isPrivate ? [...natTargets(place), gateway] : [gateway];
}

/** The VPC's NAT gateways that reach the internet themselves; for IPv4, those in another subnet. */
function natTargets({ scratch, eni, destination }: Place): readonly Target[] {
  const { reader } = scratch;
  const is64 = isNat64(destination);
  const beyond = is64 ? embeddedIpv4(destination) : destination;
  return reader
    .by("nat-gateway", "vpcId", eni.vpcId)
    .filter(
      ({ state, connectivityType, subnetId }) =>
        state === "available" && connectivityType === "public" && (is64 || subnetId !== eni.subnetId),
    )
    .filter(({ id }) => {
      const [own] = reader.by("network-interface", "natGatewayId", id);
      const place = own && placeOf(scratch, own.slot, beyond);
      return place?.route?.target.kind === "internet-gateway" && isActive(reader, place.route);
    })
    .map(({ id }) => ({
      kind: "nat-gateway",
      value: id,
      destination: is64 ? NAT64_BLOCK : EVERYWHERE,
      before: [],
    }));
}

const EVERYWHERE = "0.0.0.0/0";
const EVERYWHERE_IPV6 = "::/0";

/**
 * The VPC's gateway. When it has none: an unattached one (preferably the one already `named`), or a new one,
 * which `before` attaches.
 */
export function attachGateway(
  { reader, isNew }: Scratch,
  vpcId: string,
  named?: string,
  destination = EVERYWHERE,
): { readonly target: Target; readonly attached: boolean; readonly before: readonly Call[] } {
  const everywhere = isIpv6Text(destination) ? EVERYWHERE_IPV6 : EVERYWHERE;
  const of = (value: Value, before: readonly Call[], takes?: string): Target => ({
    kind: "internet-gateway",
    value,
    destination: everywhere,
    before,
    ...(takes === undefined ? {} : { takes }),
    ...(before.some((call) => call.kind === "request" && call.operation === ATTACH)
      ? { also: "no_internet_gateway" }
      : {}),
  });
  const [attached] = reader.by("internet-gateway", "vpcId", vpcId);
  if (attached) {
    const filters = [{ Name: "attachment.vpc-id", Values: [vpcId] }];
    const lookUp = request(
      "DescribeInternetGateways",
      { Filters: filters },
      { name: "gateway", path: "InternetGateways[0].InternetGatewayId" },
    );
    const target = isNew(attached.id) ? of({ named: "gateway" }, [lookUp]) : of(attached.id, []);
    return { target, attached: true, before: [] };
  }
  const free = reader.list("internet-gateway").filter((one) => one.vpcId === undefined && !isNew(one.id));
  const best =
    free.find(({ id }) => id === named) ?? free.find(({ id }) => isRouted(reader, vpcId, id)) ?? free[0];
  const attach = (id: Value): Call => request(ATTACH, { VpcId: vpcId, InternetGatewayId: id });
  const created = request(
    "CreateInternetGateway",
    {},
    { name: "gateway", path: "InternetGateway.InternetGatewayId" },
  );
  const target = best
    ? of(best.id, [attach(best.id)], best.id)
    : of({ named: "gateway" }, [created, attach({ named: "gateway" })]);
  return { target, attached: false, before: target.before };
}

const ATTACH = "AttachInternetGateway";

function isRouted(reader: Scratch["reader"], vpcId: string, gatewayId: string): boolean {
  return reader.by("route", "target", gatewayId).some((route) => route.vpcId === vpcId);
}

function takenBy({ takes }: Target): Pick<Remedy, "takes"> | object {
  return takes === undefined ? {} : { takes };
}

/**
 * The ways to give the subnet the route. A subnet that uses the main table only by default moves to a table
 * that already has the route. When other subnets use the main table by default, too, they must not get a new
 * route: then the subnet gets a table of its own.
 */
function placed(place: Place, target: Target): readonly Remedy[] {
  const { subnet } = place;
  const route = replacedBy(place, target);
  const ready = readyTables(place, target).map((table) => associated(place, table.id));
  const own = ownTable(place, target);
  const rest = { ...takenBy(target), ...(target.also === undefined ? {} : { also: target.also }) };
  const remedy = (calls: readonly Call[]): Remedy => ({ calls: [...target.before, ...calls], ...rest });
  const here =
    route?.target.kind === target.kind || !isSharedByDefault(place)
      ? [remedy([routeCall(place, target)])]
      : [];
  const over = ready.map((call) => ({ calls: [call] }));
  const inOrder =
    subnet.routeTableAssociation || route?.target.kind === target.kind
      ? [...here, ...over]
      : [...over, ...here];
  return [...inOrder, ...(own ? [remedy(own)] : [])];
}

/** The route to be replaced; for a peered VPC, and for NAT64, only one with exactly the same block. */
function replacedBy({ route }: Place, { kind, destination }: Target): Route | undefined {
  const isOwnBlock = kind === "vpc-peering-connection" || destination === NAT64_BLOCK;
  return isOwnBlock && route?.destination !== destination ? undefined : route;
}

/** Whether other subnets use the same table, some of them only because it is the VPC's main one. */
function isSharedByDefault({ scratch: { reader }, subnet, table }: Place): boolean {
  if (reader.get("vpc", subnet.vpcId)?.mainRouteTable.routeTableId !== table.id) return false;
  return reader
    .by("subnet", "vpcId", subnet.vpcId)
    .some((other) => other.id !== subnet.id && !other.routeTableAssociation);
}

function routeCall(place: Place, target: Target): Call {
  const { table } = place;
  const { kind, value, destination } = target;
  const route = replacedBy(place, target);
  const words = {
    RouteTableId: table.id,
    ...destinationOf(route?.destination ?? destination),
    [MEMBERS[kind]]: value,
  };
  return request(route ? "ReplaceRoute" : "CreateRoute", words);
}

function destinationOf(destination: string): Input {
  if (destination.startsWith("pl-")) return { DestinationPrefixListId: destination };
  return isIpv6Text(destination)
    ? { DestinationIpv6CidrBlock: destination }
    : { DestinationCidrBlock: destination };
}

const MEMBERS: Readonly<Record<Route["target"]["kind"], string>> = {
  "internet-gateway": "GatewayId",
  "vpn-gateway": "GatewayId",
  "network-interface": "NetworkInterfaceId",
  "nat-gateway": "NatGatewayId",
  "egress-only-internet-gateway": "EgressOnlyInternetGatewayId",
  "vpc-peering-connection": "VpcPeeringConnectionId",
  "vpc-endpoint": "VpcEndpointId",
  "carrier-gateway": "CarrierGatewayId",
};

/** The VPC's tables that already lead there, and have all other routes of the subnet's table. */
function readyTables(place: Place, target: Target): readonly RouteTable[] {
  const { scratch, subnet, table, destination } = place;
  const { reader, tables, isNew } = scratch;
  const route = replacedBy(place, target);
  const kept = reader.by("route", "routeTableId", table.id).filter((one) => one.id !== route?.id);
  return reader.by("route-table", "vpcId", subnet.vpcId).filter((other) => {
    if (other.id === table.id || other.natGateway || isNew(other.id)) return false;
    if (reader.by("internet-gateway", "routeTableId", other.id).length > 0) return false;
    const match = routeTo(tables, other.slot, destination);
    const there = match && routeAt(scratch, other, prefixOf(match));
    if (!there || there.target.id !== target.value || !isActive(reader, there)) return false;
    return kept.every(
      (one) => reader.get("route", routeId(other.id, one.destination))?.target.id === one.target.id,
    );
  });
}

/** Associates the subnet with the table. */
function associated({ subnet }: Place, tableId: Value): Call {
  const { routeTableAssociation: old } = subnet;
  if (old)
    return request("ReplaceRouteTableAssociation", {
      AssociationId: old.associationId,
      RouteTableId: tableId,
    });
  return request("AssociateRouteTable", { RouteTableId: tableId, SubnetId: subnet.id });
}

/** A new table with the old one's routes and this one; undefined when some of them can't be created again. */
function ownTable(place: Place, target: Target): readonly Call[] | undefined {
  const { scratch, subnet, table } = place;
  const route = replacedBy(place, target);
  const routes = scratch.reader.by("route", "routeTableId", table.id).filter((one) => one.id !== route?.id);
  const copied = routes.filter((one) => isActive(scratch.reader, one));
  if (copied.some((one) => one.target.kind === "vpc-endpoint")) return undefined;
  const named = { named: "table" };
  return [
    request("CreateRouteTable", { VpcId: subnet.vpcId }, { name: "table", path: "RouteTable.RouteTableId" }),
    ...copied.map((one) =>
      request("CreateRoute", {
        RouteTableId: named,
        ...destinationOf(one.destination),
        [MEMBERS[one.target.kind]]: one.target.id,
      }),
    ),
    request("CreateRoute", {
      RouteTableId: named,
      ...destinationOf(route?.destination ?? target.destination),
      [MEMBERS[target.kind]]: target.value,
    }),
    associated(place, named),
  ];
}
