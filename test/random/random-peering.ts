/** Requests about VPC peering and prefix lists for random regions. */

import { perform } from "../../src/actions/perform.ts";
import { isManaged } from "../../src/model/network-interface.ts";
import type { PrefixList } from "../../src/model/prefix-list.ts";
import { routeId } from "../../src/model/route-table.ts";
import { betweenRegions } from "../../src/model/vpc-peering-connection.ts";
import type { Vpc } from "../../src/model/vpc.ts";
import { launch } from "./random-launch.ts";
import { type Picker, REMOTE, remotely, type Request } from "./random-request.ts";

/**
 * Two VPCs that are peered, mostly with routes both ways and open to each other; at times the other one is of
 * another region. It is new while there is none. What the numbers decide is rare for other numbers than 0,
 * which is all there are once they are used up.
 */
const peering: Request = (here) => {
  const { number, pick } = here;
  const one = pick("vpc");
  if (!one) return;
  const there = number(2) === 0 ? remotely(here) : here;
  const others = there.tx.list("vpc").filter(({ id }) => id !== one.id);
  const fresh =
    others.length === 0 ? newVpc(there, one.cidrBlocks[0]?.cidrBlock === "10.1.0.0/16" ? 2 : 1) : undefined;
  const other = fresh === undefined ? others[number(Math.max(1, others.length))] : there.tx.get("vpc", fresh);
  if (!other) return;
  const asked = { VpcId: one.id, PeerVpcId: other.id, PeerRegion: there.context.region };
  const VpcPeeringConnectionId = run(here, "CreateVpcPeeringConnection", asked, "pcx");
  if (number(8) !== 7) run(there, "AcceptVpcPeeringConnection", { VpcPeeringConnectionId });
  opened(here, one, other, VpcPeeringConnectionId);
  opened(there, other, one, VpcPeeringConnectionId);
};

/** The first id that is answered. */
function run(
  { tx, context }: Picker,
  operation: string,
  input: object,
  prefix: "vpc" | "pcx" = "vpc",
): string {
  const answer = JSON.stringify(perform(tx, operation, input, context));
  return new RegExp(`"(${prefix}-[0-9a-f]{17})"`).exec(answer)?.[1] ?? "";
}

/** A route from one VPC to the other, and most of what comes from there is let in. */
function opened(at: Picker, here: Vpc, there: Vpc, VpcPeeringConnectionId: string): void {
  const { tx, number } = at;
  const RouteTableId = here.mainRouteTable.routeTableId;
  const DestinationCidrBlock = number(6) === 5 ? "0.0.0.0/0" : (there.cidrBlocks[0]?.cidrBlock ?? "");
  const verb = tx.get("route", routeId(RouteTableId, DestinationCidrBlock)) ? "ReplaceRoute" : "CreateRoute";
  run(at, verb, { RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId });
  const group = tx.by("security-group", "vpcName", `${here.id}/default`)[0];
  const known = tx.by("security-group-rule", "groupId", group?.id ?? "").length > 2;
  const IpPermissions = [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "10.0.0.0/8" }] }];
  if (group && !known && number(3) !== 2)
    run(at, "AuthorizeSecurityGroupIngress", { GroupId: group.id, IpPermissions });
  // Some forward what others sent, which must not pass.
  const forwarders = tx
    .by("network-interface", "vpcId", here.id)
    .filter((eni) => !isManaged(eni) && number(2) === 1);
  for (const eni of forwarders) tx.put({ ...eni, sourceDestCheck: false });
}

function newVpc(at: Picker, second: number): string {
  const VpcId = run(at, "CreateVpc", { CidrBlock: `10.${second}.0.0/16` });
  run(at, "CreateSubnet", { VpcId, CidrBlock: `10.${second}.0.0/24` });
  // Nobody else makes any there.
  if (at.context.region === REMOTE) for (let count = 0; count < 2; count++) launch(at);
  return VpcId;
}

const LISTED = [
  "198.51.100.0/24",
  "10.1.0.0/24",
  "10.2.0.0/16",
  "0.0.0.0/0",
  "10.0.0.0/16",
  "203.0.113.0/29",
  "10.0.1.0/24",
];

function entries({ number }: Pick<Parameters<Request>[0], "number">): PrefixList["entries"] {
  const from = number(LISTED.length);
  return LISTED.slice(from, from + 1 + number(3)).map((cidr) => ({ cidr }));
}

/** A list of one of three names, or other entries for it. */
const prefixList: Request = (with_) => {
  const id = `pl-0000000000000000${with_.number(3)}`;
  const version = with_.tx.get("prefix-list", id)?.version ?? 0;
  const list = {
    kind: "prefix-list",
    id,
    tags: {},
    name: id,
    addressFamily: "IPv4",
    maxEntries: 10,
    history: [],
  } as const;
  with_.tx.put({ ...list, version: version + 1, entries: entries(with_) });
};

const listRoute: Request = ({ tx, number, pick }) => {
  const [table, list, gateway, eni] = [
    pick("route-table"),
    pick("prefix-list"),
    pick("internet-gateway"),
    pick("network-interface"),
  ];
  if (!table || !list) return;
  const target = number(2) === 0 ? gateway : eni;
  if (target?.vpcId !== table.vpcId) return;
  const id = routeId(table.id, list.id);
  const { kind } = target;
  tx.put({
    kind: "route",
    id,
    tags: {},
    routeTableId: table.id,
    vpcId: table.vpcId,
    destination: list.id,
    target: { kind, id: target.id },
  });
};

const listRule: Request = ({ tx, pick }) => {
  const [rule, list] = [pick("security-group-rule"), pick("prefix-list")];
  if (rule && list) tx.put({ ...rule, peer: { kind: "prefix-list", prefixListId: list.id } });
};

/** A rule that names a group of a peered VPC. */
const peerRule: Request = ({ tx, context, number, pick }) => {
  const connection = pick("vpc-peering-connection");
  if (connection?.status !== "active" || betweenRegions(connection)) return;
  const [one, other] = [connection.requester.vpcId, connection.accepter.vpcId].map(
    (id) => tx.by("security-group", "vpcId", id)[number(2)],
  );
  if (!one || !other) return;
  const IpPermissions = [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: other.id }] }];
  perform(tx, "AuthorizeSecurityGroupIngress", { GroupId: one.id, IpPermissions }, context);
};

/** An interface has a group of another VPC. */
const foreignGroup: Request = ({ tx, context, pick }) => {
  const [group, eni] = [pick("security-group"), pick("network-interface")];
  if (!group || !eni || isManaged(eni) || group.vpcId === eni.vpcId) return;
  const known = group.associatedVpcIds ?? [];
  if (!known.includes(eni.vpcId))
    perform(tx, "AssociateSecurityGroupVpc", { GroupId: group.id, VpcId: eni.vpcId }, context);
  tx.put({ ...eni, groupIds: [group.id] });
};

/** In the region of either side. */
const endPeering: Request = (here) => {
  const connection = here.pick("vpc-peering-connection");
  const there = connection && betweenRegions(connection) && here.number(2) === 0 ? remotely(here) : here;
  run(there, "DeleteVpcPeeringConnection", { VpcPeeringConnectionId: connection?.id });
};

export const PEERING_REQUESTS: Readonly<Record<string, Request>> = {
  peering,
  prefixList,
  listRoute,
  listRule,
  peerRule,
  foreignGroup,
  endPeering,
};
