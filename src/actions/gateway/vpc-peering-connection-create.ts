import type {
  CreateVpcPeeringConnectionRequest,
  CreateVpcPeeringConnectionResult,
} from "@aws-sdk/client-ec2";
import { blocksOverlap, ipv4BlockOf, ipv6BlockOf } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { PeeringSide, VpcPeeringConnection } from "../../model/vpc-peering-connection.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { isRegionInReach } from "../kit/region.ts";
import { tagsFor } from "../kit/tags.ts";
import { describedConnection } from "./vpc-peering-connection-describe.ts";
import { addPeering, livePeeringsOf, PEERING_FAILED, sideOf } from "./vpc-peering-connection-side.ts";

/**
 * Requests a connection with a VPC of the account, in this region or another. It fails when blocks overlap,
 * or when the other region does not have the VPC; only the requester sees a failed request (VPC peering
 * guide, "VPC peering connection lifecycle").
 */
const CreateVpcPeeringConnection: Action<
  CreateVpcPeeringConnectionRequest,
  CreateVpcPeeringConnectionResult
> = (tx, input, context) => {
  const requester = find(tx, "vpc", input.VpcId);
  const peerVpcId = required(input.PeerVpcId, "peerVpcId");
  requireOwn(input, context);
  const region = regionAsked(input, context);
  const accepter =
    region === context.region ? find(tx, "vpc", peerVpcId) : tx.elsewhere(region).get("vpc", peerVpcId);
  const tags = tagsFor("vpc-peering-connection", input.TagSpecifications, context.quotas);
  requireNoneBetween(tx, requester, peerVpcId, context);
  const failed = !accepter || requester.id === accepter.id || overlap(requester, accepter);
  if (!failed) requireOutstanding(tx, requester, context);
  const asked = {
    id: newId("vpc-peering-connection", context.random),
    tags,
    ...sides({ requester, accepter, peerVpcId, region }, context),
  };
  const connection = failed ? failedRequest(asked, context) : pendingRequest(asked, context);
  if (failed) tx.put(connection);
  else addPeering(tx, connection, context.region);
  // What it will be shows from the next describe call on.
  const Status = { Code: "initiating-request", Message: `Initiating Request to ${context.account}` } as const;
  const answer = describedConnection(tx, connection);
  return { VpcPeeringConnection: { ...answer, Status, ExpirationTime: new Date(connection.expirationTime) } };
};

type Asked = Pick<VpcPeeringConnection, "id" | "tags" | "requester" | "accepter">;
type Ends = {
  readonly requester: Vpc;
  readonly accepter: Vpc | undefined;
  readonly peerVpcId: string;
  readonly region: string;
};

/** Between regions each side's slot is written down: neither region's records tell the other VPC's. */
function sides(
  { requester, accepter, peerVpcId, region }: Ends,
  context: Context,
): Pick<Asked, "requester" | "accepter"> {
  const slotOf = (vpc: Vpc | undefined): { readonly slot?: number } =>
    vpc && region !== context.region ? { slot: vpc.slot } : {};
  const hidden = { cidrBlocks: [], ipv6CidrBlocks: [], allowDnsResolutionFromRemoteVpc: false };
  const ownerId = context.account;
  const own: PeeringSide = { ...sideOf(requester), ownerId, region: context.region, ...slotOf(requester) };
  return { requester: own, accepter: { ...hidden, vpcId: peerVpcId, ownerId, region, ...slotOf(accepter) } };
}

function pendingRequest(asked: Asked, context: Context): VpcPeeringConnection {
  return {
    kind: "vpc-peering-connection",
    ...asked,
    status: "pending-acceptance",
    statusMessage: `Pending Acceptance by ${context.account}`,
    expirationTime: new Date(Date.parse(context.now) + ANSWERED_WITHIN_MILLISECONDS).toISOString(),
  };
}

function failedRequest(asked: Asked, context: Context): VpcPeeringConnection {
  return {
    ...pendingRequest(asked, context),
    status: "failed",
    statusMessage: PEERING_FAILED,
    endTime: context.now,
  };
}

const ANSWERED_WITHIN_MILLISECONDS = 168 * 60 * 60 * 1000;

function requireOwn({ PeerOwnerId }: CreateVpcPeeringConnectionRequest, { account }: Context): void {
  if (PeerOwnerId === undefined || PeerOwnerId === "" || PeerOwnerId === account) return;
  throw new Fault("UnsupportedOperation", "Genkan does not offer peering with another account's VPC.");
}

/**
 * @throws InvalidParameterValue for a region that there is not, or that is of another of AWS's partitions.
 */
function regionAsked({ PeerRegion }: CreateVpcPeeringConnectionRequest, context: Context): string {
  const { region } = context;
  if (PeerRegion === undefined || PeerRegion === "") return region;
  if (isRegionInReach(PeerRegion, context)) return PeerRegion;
  throw new Fault(
    "InvalidParameterValue",
    `You cannot create a VPC peering connection between the ${region} and ${PeerRegion} regions.`,
  );
}

function overlap(one: Vpc, other: Vpc): boolean {
  const [a, b] = [sideOf(one), sideOf(other)];
  return (
    a.cidrBlocks.some((x) => b.cidrBlocks.some((y) => blocksOverlap(ipv4BlockOf(x), ipv4BlockOf(y)))) ||
    a.ipv6CidrBlocks.some((x) => b.ipv6CidrBlocks.some((y) => blocksOverlap(ipv6BlockOf(x), ipv6BlockOf(y))))
  );
}

function requireNoneBetween(tx: Reader, one: Vpc, other: string, context: Context): void {
  if (one.id === other) return;
  const known = livePeeringsOf(tx, one.id, context.now).find(
    ({ requester, accepter }) => requester.vpcId === other || accepter.vpcId === other,
  );
  if (!known) return;
  throw new Fault(
    "VpcPeeringConnectionAlreadyExists",
    `A VPC peering connection between ${one.id} and ${other} already exists: ${known.id}.`,
  );
}

function requireOutstanding(tx: Tx, { id }: Vpc, context: Context): void {
  const asked = livePeeringsOf(tx, id, context.now).filter(
    ({ status, requester }) => status === "pending-acceptance" && requester.vpcId === id,
  );
  const words =
    "You've reached the limit on the number of VPC peering connection requests that you can create for the specified VPC.";
  requireQuota(
    context,
    "outstanding-vpc-peering-connections",
    asked.length + 1,
    "OutstandingVpcPeeringConnectionLimitExceeded",
    words,
  );
}

export const vpcPeeringConnectionCreateActions = { CreateVpcPeeringConnection };
