import type { Reader, Tx } from "../../model/state.ts";
import {
  betweenRegions,
  type PeeringSide,
  type VpcPeeringConnection,
} from "../../model/vpc-peering-connection.ts";
import type { Vpc } from "../../model/vpc.ts";

/** The VPC of a side, in whichever region it is; undefined when it is gone. */
export function vpcOf(tx: Tx, { region, vpcId }: PeeringSide): Vpc | undefined {
  return tx.elsewhere(region).get("vpc", vpcId);
}

/** The side as it is told of from now on. */
export function sideOf(
  vpc: Vpc,
): Pick<PeeringSide, "vpcId" | "cidrBlocks" | "ipv6CidrBlocks" | "allowDnsResolutionFromRemoteVpc"> {
  return {
    vpcId: vpc.id,
    cidrBlocks: vpc.cidrBlocks.map(({ cidrBlock }) => cidrBlock),
    ipv6CidrBlocks: (vpc.ipv6CidrBlocks ?? []).map(({ ipv6CidrBlock }) => ipv6CidrBlock),
    allowDnsResolutionFromRemoteVpc: false,
  };
}

/**
 * Makes the connection known in the regions of both sides. Each region's record has tags of its own; `tags`
 * are those of `region`.
 */
export function addPeering(tx: Tx, connection: VpcPeeringConnection, region: string): void {
  for (const side of regionsOf(connection))
    tx.elsewhere(side).put(side === region ? connection : { ...connection, tags: {} });
}

/** Changes the connection in every region that still knows of it; each region's tags stay. */
export function putPeering(tx: Tx, connection: VpcPeeringConnection): void {
  for (const region of regionsOf(connection)) {
    const there = tx.elsewhere(region);
    const known = there.get("vpc-peering-connection", connection.id);
    if (known) there.put({ ...connection, tags: known.tags });
  }
}

function regionsOf(connection: VpcPeeringConnection): readonly string[] {
  const { requester, accepter } = connection;
  return betweenRegions(connection) ? [requester.region, accepter.region] : [requester.region];
}

/** The record with the state that its age gives it. `now` is ISO 8601. */
export function expiredOrNot(connection: VpcPeeringConnection, now: string): VpcPeeringConnection {
  const { status, expirationTime } = connection;
  if (status !== "pending-acceptance" || Date.parse(now) < Date.parse(expirationTime)) return connection;
  return { ...connection, status: "expired", statusMessage: "Expired", endTime: expirationTime };
}

/** The connections of a VPC of the region that are active or may become so. */
export function livePeeringsOf(tx: Reader, vpcId: string, now: string): readonly VpcPeeringConnection[] {
  return tx
    .by("vpc-peering-connection", "vpcId", vpcId)
    .map((connection) => expiredOrNot(connection, now))
    .filter(({ status }) => status === "active" || status === "pending-acceptance");
}

export const PEERING_FAILED = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";

/** A request that can't be accepted any more: the accepter's blocks overlap with the requester's now. */
export function failedPeering(connection: VpcPeeringConnection, now: string): VpcPeeringConnection {
  return { ...connection, status: "failed", statusMessage: PEERING_FAILED, endTime: now };
}
