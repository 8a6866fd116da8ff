/**
 * What commands that mend something may open, and nothing else:
 *
 * - Nothing is deleted, detached or taken away.
 * - A rule of a security group is for the asked protocol, for the asked port or a client's ephemeral ports,
 * and for one host (for
 *   everybody only where the whole internet was asked about); and in a group of an interface that dropped the
 * packet.
 * - A network ACL decides everything else as before, in the same sense.
 * - Only subnets on the packet's way go over to another table, and lose no destination by it. Another subnet
 * gets no destination that
 *   it had no route for, unless somebody associated it with the very table that lacked it; a route that leads
 * somewhere is never moved.
 * - Instances start, interfaces get addresses and forward for others, connections are accepted only where the
 * packet came to them.
 */

import type { NetworkAcl, NetworkAclEntry } from "../../src/model/network-acl.ts";
import type { Kind, Resources } from "../../src/model/resource.ts";
import { isActive } from "../../src/model/route-state.ts";
import type { Reader } from "../../src/model/state.ts";
import type { Explanation } from "../../src/protocol/explain.ts";
import { isWithin } from "../../src/reach/explain/question.ts";
import type { Choice } from "../kit/choice.ts";

type Around = {
  readonly before: Reader;
  readonly after: Reader;
  /** Ids of all that stood in the way. */
  readonly blamed: ReadonlySet<string>;
  /** The subnets that the packets leave. */
  readonly onWay: ReadonlySet<string>;
  readonly protocols: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
  /** The whole internet was asked about. */
  readonly anyone: boolean;
  readonly choice: Choice;
};

/** Everything that was opened and should not have been, in words. */
export function openedBesides(
  before: Reader,
  after: Reader,
  told: Explanation,
  anyone: boolean,
  choice: Choice,
): readonly string[] {
  const hops = told.exchanges.flatMap((exchange) => exchange.hops);
  const ends = new Set([
    ...told.exchanges.flatMap(({ client, server }) => [client, server]),
    ...hops.flatMap(({ params }) => params["nat"] ?? []),
  ]);
  const around: Around = {
    before,
    after,
    blamed: new Set(
      hops
        .filter(({ ok }) => !ok)
        .flatMap(({ id = "", params }) => [...id.split(", "), params["target"] ?? ""]),
    ),
    onWay: new Set(
      before
        .list("network-interface")
        .filter((eni) =>
          [eni.id, eni.attachment?.instanceId ?? "", eni.natGatewayId ?? ""].some((id) => ends.has(id)),
        )
        .map(({ subnetId }) => subnetId),
    ),
    protocols: new Set(
      told.exchanges.flatMap(({ protocol, family }) => [
        protocol,
        ...(protocol === "icmp" && family === "ipv6" ? ["icmpv6"] : []),
      ]),
    ),
    ports: new Set(told.exchanges.map(({ port }) => port ?? -1)),
    anyone,
    choice,
  };
  return [
    ...losses(around),
    ...groupRules(around),
    ...acls(around),
    ...subnets(around),
    ...interfaces(around),
    ...instances(around),
    ...peerings(around),
  ];
}

const LASTING: readonly Kind[] = [
  "vpc",
  "subnet",
  "route-table",
  "route",
  "internet-gateway",
  "address",
  "network-interface",
  "security-group",
  "security-group-rule",
  "network-acl",
  "instance",
  "nat-gateway",
  "vpc-peering-connection",
];

function losses({ before, after }: Around): readonly string[] {
  const gone = LASTING.flatMap((kind) =>
    before.list(kind).flatMap(({ id }) => (after.get(kind, id) ? [] : [`${kind} ${id} is gone`])),
  );
  const detached = before.list("internet-gateway").flatMap(({ id, vpcId }) => {
    const now = after.get("internet-gateway", id)?.vpcId;
    return vpcId !== undefined && now !== vpcId ? [`${id} was taken from ${vpcId}`] : [];
  });
  const moved = before.list("address").flatMap(({ id, association }) => {
    const now = after.get("address", id)?.association?.associationId;
    return association && now !== association.associationId ? [`${id} was taken away`] : [];
  });
  return [...gone, ...detached, ...moved];
}

/** Clients' ephemeral ports: Linux's, or any host's. */
const EPHEMERAL: readonly (readonly [number, number])[] = [
  [32_768, 60_999],
  [1024, 65_535],
];

function fitsPorts({ ports }: Around, from: number, to: number): boolean {
  return (from === to && ports.has(from)) || EPHEMERAL.some(([first, last]) => from === first && to === last);
}

const NAMES: Readonly<Record<string, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" };

function groupRules(around: Around): readonly string[] {
  const { before, after, blamed, protocols, anyone } = around;
  return after.list("security-group-rule").flatMap((rule) => {
    if (before.get("security-group-rule", rule.id)) return [];
    const { groupId, protocol, fromPort = -1, toPort = -1, peer } = rule;
    const block = "cidr" in peer ? peer.cidr : "";
    const fits =
      blamed.has(groupId) &&
      protocols.has(NAMES[protocol] ?? "") &&
      (fromPort === -1 || fitsPorts(around, fromPort, toPort)) &&
      (/\/(32|128)$/.test(block) || (anyone && /^(0\.0\.0\.0|::)\/0$/.test(block)));
    const vpcId = after.get("security-group", groupId)?.vpcId ?? "";
    return fits || (block === "::/0" && getsIpv6(around, vpcId))
      ? []
      : [`${groupId} got ${JSON.stringify(rule)}`];
  });
}

/**
 * With its first block AWS lets IPv6 pass where it let all of IPv4 (VPC user guide, "Default network ACL",
 * "Default security groups").
 */
function getsIpv6({ before, after }: Around, vpcId: string): boolean {
  const blocks = (reader: Reader): number => reader.get("vpc", vpcId)?.ipv6CidrBlocks?.length ?? 0;
  return blocks(before) === 0 && blocks(after) > 0;
}

type Probe = {
  readonly egress: boolean;
  readonly protocol: number;
  readonly peer: string;
  readonly port: number;
};

function acls(around: Around): readonly string[] {
  const { before, after, choice } = around;
  return before.list("network-acl").flatMap((old) => {
    const now = after.get("network-acl", old.id);
    if (!now || now === old || JSON.stringify(now.entries) === JSON.stringify(old.entries)) return [];
    return Array.from({ length: 300 }, (): Probe => probeOf(now, choice)).flatMap((probe) => {
      if (allows(old, probe) === allows(now, probe) || isAsked(around, now, probe)) return [];
      if (probe.peer.includes(":") && getsIpv6(around, now.vpcId)) return [];
      return [`${old.id} decides otherwise: ${JSON.stringify(probe)}`];
    });
  });
}

function probeOf({ entries }: NetworkAcl, choice: Choice): Probe {
  const entry = choice.pick(entries);
  const block = entry.cidrBlock ?? entry.ipv6CidrBlock ?? "0.0.0.0/0";
  const [host = ""] = block.split("/");
  const peers = host.includes(":")
    ? [host, "2001:db8:77::7"]
    : [host, `198.51.100.${choice.below(256)}`, `10.${choice.below(3)}.0.9`];
  const ports = [entry.portRange?.from ?? 80, entry.portRange?.to ?? 443, choice.below(65_536)];
  return {
    egress: choice.oneIn(2),
    protocol: choice.pick([6, 17, 1, 58, 47]),
    peer: choice.pick(peers),
    port: choice.pick(ports),
  };
}

function allows({ entries }: NetworkAcl, { egress, protocol, peer, port }: Probe): boolean {
  const fits = (entry: NetworkAclEntry): boolean =>
    entry.egress === egress &&
    (entry.protocol === -1 || entry.protocol === protocol) &&
    isWithin(entry.cidrBlock ?? entry.ipv6CidrBlock ?? "", peer) &&
    (!entry.portRange ||
      entry.protocol === -1 ||
      (port >= entry.portRange.from && port <= entry.portRange.to)) &&
    (!entry.icmp || entry.icmp.type === -1 || entry.icmp.type === (port & 255));
  return [...entries].toSorted((a, b) => a.ruleNumber - b.ruleNumber).find(fits)?.action === "allow";
}

/** What was asked about, or answers it: a host's, or everybody's. */
function isAsked(around: Around, { id, entries }: NetworkAcl, probe: Probe): boolean {
  if (!around.blamed.has(id) || !around.protocols.has(NAMES[probe.protocol] ?? "")) return false;
  return entries.some((entry) => {
    const block = entry.cidrBlock ?? entry.ipv6CidrBlock ?? "";
    const isHost = /\/(32|128)$/.test(block) || (around.anyone && /^(0\.0\.0\.0|::)\/0$/.test(block));
    const isPort =
      entry.portRange === undefined || fitsPorts(around, entry.portRange.from, entry.portRange.to);
    return (
      entry.action === "allow" &&
      entry.protocol === probe.protocol &&
      isHost &&
      isPort &&
      isWithin(block, probe.peer)
    );
  });
}

function tableOf(reader: Reader, { routeTableAssociation: own, vpcId }: Resources["subnet"]): string {
  return own?.routeTableId ?? reader.get("vpc", vpcId)?.mainRouteTable.routeTableId ?? "";
}

function subnets({ before, after, blamed, onWay }: Around): readonly string[] {
  const routes = (reader: Reader, table: string) =>
    new Map(reader.by("route", "routeTableId", table).map((route) => [route.destination, route]));
  return before.list("subnet").flatMap((subnet) => {
    const now = after.get("subnet", subnet.id);
    if (!now) return [];
    const [old, other] = [tableOf(before, subnet), tableOf(after, now)];
    const [had, has] = [routes(before, old), routes(after, other)];
    const isOnWay = blamed.has(old);
    const wrong: string[] = [];
    if (old !== other && !isOnWay) wrong.push(`${subnet.id} goes by another table`);
    for (const [destination, route] of had) {
      const target = has.get(destination)?.target.id;
      if (isActive(before, route) && target !== route.target.id)
        wrong.push(`${subnet.id}'s route to ${destination} leads elsewhere`);
    }
    const gained = [...has.keys()].filter((destination) => !had.has(destination));
    const isTogether = isOnWay && subnet.routeTableAssociation !== undefined;
    if (gained.length > 0 && old === other && !isTogether && !onWay.has(subnet.id))
      wrong.push(`${subnet.id} got routes to ${gained.join(", ")}`);
    return wrong;
  });
}

function interfaces({ before, after, blamed }: Around): readonly string[] {
  return after.list("network-interface").flatMap((eni) => {
    const old = before.get("network-interface", eni.id);
    if (!old) return [`${eni.id} is new`];
    const isBlamed = [eni.id, eni.attachment?.instanceId ?? "", eni.natGatewayId ?? ""].some((id) =>
      blamed.has(id),
    );
    const hadPublic = (reader: Reader, one: typeof eni): boolean =>
      one.autoPublicIp !== undefined || reader.by("address", "networkInterfaceId", one.id).length > 0;
    const opened = [
      ...(old.sourceDestCheck && !eni.sourceDestCheck ? ["forwards"] : []),
      ...(!hadPublic(before, old) && hadPublic(after, eni) ? ["has a public address"] : []),
      ...((eni.ipv6Addresses ?? []).length > (old.ipv6Addresses ?? []).length ? ["has an IPv6 address"] : []),
    ];
    return isBlamed ? [] : opened.map((what) => `${eni.id} ${what}`);
  });
}

function instances({ before, after, blamed }: Around): readonly string[] {
  return after.list("instance").flatMap(({ id, state }) => {
    const was = before.get("instance", id)?.state;
    if (was === state) return [];
    const interfacesOf = after.by("network-interface", "instanceId", id).map((eni) => eni.id);
    return [id, ...interfacesOf].some((one) => blamed.has(one)) ? [] : [`${id} was ${was} and is ${state}`];
  });
}

function peerings({ before, after, blamed }: Around): readonly string[] {
  return after.list("vpc-peering-connection").flatMap(({ id, status, requester, accepter }) => {
    if (before.get("vpc-peering-connection", id)?.status === status) return [];
    const tables = [requester.vpcId, accepter.vpcId].flatMap((vpcId) =>
      before.by("route-table", "vpcId", vpcId).map((table) => table.id),
    );
    const gateways = [requester.vpcId, accepter.vpcId].flatMap((vpcId) =>
      before.by("internet-gateway", "vpcId", vpcId).map((one) => one.id),
    );
    return [id, ...tables, ...gateways].some((one) => blamed.has(one)) ? [] : [`${id} is ${status}`];
  });
}
