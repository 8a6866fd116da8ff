import type { UserIdGroupPair } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { RulePeer, SecurityGroup } from "../../model/security-group.ts";
import type { Reader } from "../../model/state.ts";
import type { VpcPeeringConnection } from "../../model/vpc-peering-connection.ts";
import type { Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { findSecurityGroupByName, rulesOf } from "./security-group.ts";

type GroupPeer = Extract<RulePeer, { readonly kind: "group" }>;

/**
 * The group that a rule of `group` names: one that can be used in a VPC where that can be used, or one of a
 * peered VPC.
 * @throws InvalidGroup.NotFound for an unknown one, another account's, or one of a VPC that is not peered;
 * InvalidVpcPeeringConnectionID.NotFound; InvalidParameterValue for a connection that does not lead to the
 * group.
 */
export function groupPeer(
  tx: Reader,
  group: SecurityGroup,
  pair: UserIdGroupPair,
  context: Context,
): GroupPeer {
  if (pair.UserId !== undefined && pair.UserId !== "" && pair.UserId !== context.account) {
    throw notFound("security-group", String(pair.GroupId ?? pair.GroupName));
  }
  const { VpcPeeringConnectionId: asked, VpcId: vpcId } = pair;
  const stale = staleRule(tx, group, pair.GroupId);
  if (stale) return stale;
  const name = pair.GroupId === undefined ? pair.GroupName : undefined;
  const named =
    name === undefined ? find(tx, "security-group", pair.GroupId) : findSecurityGroupByName(tx, name);
  if (vpcId !== undefined && vpcId !== "" && vpcId !== named.vpcId) throw differentNetworks();
  if (asked !== undefined && !tx.get("vpc-peering-connection", asked)) {
    throw notFound("vpc-peering-connection", asked);
  }
  const meets = vpcsOf(named).some((id) => vpcsOf(group).includes(id));
  const connection = meets ? undefined : activeBetween(tx, group.vpcId, named.vpcId);
  if (!meets && !connection) throw differentNetworks();
  if (asked !== undefined && asked !== connection?.id) {
    throw new Fault(
      "InvalidParameterValue",
      `The VPC peering connection ${asked} does not lead from ${group.vpcId} to ${named.id}.`,
    );
  }
  if (!connection) return { kind: "group", groupId: named.id };
  return { kind: "group", groupId: named.id, peering: { connectionId: connection.id, vpcId: named.vpcId } };
}

function differentNetworks(): Fault {
  return new Fault(
    "InvalidGroup.NotFound",
    "You have specified two resources that belong to different networks.",
  );
}

/** The VPCs whose interfaces can have the group: its own, and those that it is associated with. */
export function vpcsOf({ vpcId, associatedVpcIds = [] }: SecurityGroup): readonly string[] {
  return [vpcId, ...associatedVpcIds];
}

function activeBetween(tx: Reader, one: string, other: string): VpcPeeringConnection | undefined {
  return tx
    .by("vpc-peering-connection", "vpcId", one)
    .find(
      ({ status, requester, accepter }) =>
        status === "active" && (requester.vpcId === other || accepter.vpcId === other),
    );
}

/** What a stale rule of the group names: it can be named again, to be revoked. */
function staleRule(tx: Reader, group: SecurityGroup, groupId: string | undefined): GroupPeer | undefined {
  for (const { peer } of rulesOf(tx, group.id))
    if (peer.kind === "group" && peer.groupId === groupId && isStale(tx, peer)) return peer;
  return undefined;
}

/**
 * Whether the group that a rule names is gone, or the connection to its VPC (VPC peering guide, "Stale
 * security group rules").
 */
export function isStale(tx: Reader, peer: RulePeer): boolean {
  if (peer.kind !== "group") return false;
  return (
    !tx.get("security-group", peer.groupId) ||
    (peer.peering !== undefined && statusOf(tx, peer.peering.connectionId) !== "active")
  );
}

/** @throws InvalidGroup.NotFound for a peer that is gone: no new rule can name it. */
export function requireLivePeer(tx: Reader, peer: RulePeer): void {
  if (peer.kind !== "group" || !isStale(tx, peer)) return;
  throw notFound("security-group", peer.groupId);
}

function statusOf(tx: Reader, connectionId: string): VpcPeeringConnection["status"] {
  return tx.get("vpc-peering-connection", connectionId)?.status ?? "deleted";
}

/** A group that a rule names, as it is described; with more details beyond a peering connection. */
export function describedPeer(
  tx: Reader,
  { groupId, peering }: GroupPeer,
  { account }: Context,
): Omit<UserIdGroupPair, "Description"> {
  const pair = { GroupId: groupId, UserId: account };
  if (!peering) return pair;
  const { connectionId, vpcId } = peering;
  return {
    ...pair,
    VpcId: vpcId,
    VpcPeeringConnectionId: connectionId,
    PeeringStatus: statusOf(tx, connectionId),
  };
}
