import type {
  AcceptVpcPeeringConnectionRequest,
  AcceptVpcPeeringConnectionResult,
  CreateVpcPeeringConnectionRequest,
  CreateVpcPeeringConnectionResult,
  DeleteVpcPeeringConnectionRequest,
  DeleteVpcPeeringConnectionResult,
  ModifyVpcPeeringConnectionOptionsRequest,
  ModifyVpcPeeringConnectionOptionsResult,
  PeeringConnectionOptionsRequest,
  RejectVpcPeeringConnectionRequest,
  RejectVpcPeeringConnectionResult,
} from "@aws-sdk/client-ec2";
import { cidrOf, cidrsOverlap } from "../lib/cidr.ts";
import { cidr6Of, cidrs6Overlap } from "../lib/cidr6.ts";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import type { VpcPeeringConnection } from "../model/vpc-peering-connection.ts";
import type { Action, Context } from "./action.ts";
import { refuseUnoffered, required } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { tagsFor } from "./tags.ts";
import { findVpc } from "./vpc.ts";
import { describedConnection, expiredOrNot, findVpcPeeringConnection } from "./vpc-peering-connection-describe.ts";

/**
 * Asks for a connection within the account and region. Blocks that overlap leave it failed, as on AWS
 * (VPC peering guide, "VPC peering connection lifecycle").
 */
const CreateVpcPeeringConnection: Action<CreateVpcPeeringConnectionRequest, CreateVpcPeeringConnectionResult> = (tx, input, context) => {
  const requester = findVpc(tx, input.VpcId);
  const peerVpcId = required(input.PeerVpcId, "peerVpcId");
  requireHere(input, context);
  const accepter = findVpc(tx, peerVpcId);
  const tags = tagsFor("vpc-peering-connection", input.TagSpecifications, context.quotas);
  requireNoneBetween(tx, requester, accepter, context);
  const failed = requester.id === accepter.id || overlap(requester, accepter);
  if (!failed) requireOutstanding(tx, requester, context);
  const connection: VpcPeeringConnection = {
    kind: "vpc-peering-connection",
    id: newId("vpc-peering-connection", context.random),
    tags,
    requester: { ...sideOf(requester), ...owned(context) },
    accepter: { ...sideOf(accepter), ...owned(context), cidrBlocks: [], ipv6CidrBlocks: [] },
    status: failed ? "failed" : "pending-acceptance",
    statusMessage: failed ? FAILED : `Pending Acceptance by ${context.account}`,
    expirationTime: new Date(Date.parse(context.now) + ANSWERED_WITHIN_MS).toISOString(),
    ...(failed ? { endTime: context.now } : {}),
  };
  tx.put(connection);
  // What it will be shows from the next describe call on.
  const Status = { Code: "initiating-request", Message: `Initiating Request to ${context.account}` } as const;
  const answer = describedConnection(tx, connection);
  return { VpcPeeringConnection: { ...answer, Status, ExpirationTime: new Date(connection.expirationTime) } };
};

const FAILED = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";

/** A request that can't be accepted any more: the accepter's blocks overlap with the requester's now. */
export function failedPeering(connection: VpcPeeringConnection, now: string): VpcPeeringConnection {
  return { ...connection, status: "failed", statusMessage: FAILED, endTime: now };
}

const ANSWERED_WITHIN_MS = 168 * 60 * 60 * 1000;

function requireHere({ PeerOwnerId, PeerRegion }: CreateVpcPeeringConnectionRequest, context: Context): void {
  const isForeign = (given: string | undefined, own: string): boolean => given !== undefined && given !== "" && given !== own;
  if (isForeign(PeerOwnerId, context.account)) {
    throw new Fault("UnsupportedOperation", "Genkan does not offer peering with another account's VPC.");
  }
  if (isForeign(PeerRegion, context.region)) {
    throw new Fault("UnsupportedOperation", "Genkan does not offer peering with a VPC of another region.");
  }
}

function owned({ account, region }: Context): { readonly ownerId: string; readonly region: string } {
  return { ownerId: account, region };
}

function sideOf(
  vpc: Vpc,
): Pick<VpcPeeringConnection["requester"], "vpcId" | "cidrBlocks" | "ipv6CidrBlocks" | "allowDnsResolutionFromRemoteVpc"> {
  return {
    vpcId: vpc.id,
    cidrBlocks: vpc.cidrBlocks.map(({ cidrBlock }) => cidrBlock),
    ipv6CidrBlocks: (vpc.ipv6CidrBlocks ?? []).map(({ ipv6CidrBlock }) => ipv6CidrBlock),
    allowDnsResolutionFromRemoteVpc: false,
  };
}

function overlap(one: Vpc, other: Vpc): boolean {
  const [a, b] = [sideOf(one), sideOf(other)];
  return (
    a.cidrBlocks.some((x) => b.cidrBlocks.some((y) => cidrsOverlap(cidrOf(x), cidrOf(y)))) ||
    a.ipv6CidrBlocks.some((x) => b.ipv6CidrBlocks.some((y) => cidrs6Overlap(cidr6Of(x), cidr6Of(y))))
  );
}

/** The connections of a VPC that are active or may become so. */
export function livePeeringsOf(tx: Reader, vpcId: string, now: string): readonly VpcPeeringConnection[] {
  return tx
    .by("vpc-peering-connection", "vpcId", vpcId)
    .map((connection) => expiredOrNot(connection, now))
    .filter(({ status }) => status === "active" || status === "pending-acceptance");
}

function requireNoneBetween(tx: Reader, one: Vpc, other: Vpc, context: Context): void {
  if (one.id === other.id) return;
  const known = livePeeringsOf(tx, one.id, context.now).find(
    ({ requester, accepter }) => requester.vpcId === other.id || accepter.vpcId === other.id,
  );
  if (!known) return;
  throw new Fault(
    "VpcPeeringConnectionAlreadyExists",
    `A VPC peering connection between ${one.id} and ${other.id} already exists: ${known.id}.`,
  );
}

function requireOutstanding(tx: Reader, { id }: Vpc, context: Context): void {
  const asked = livePeeringsOf(tx, id, context.now).filter(
    ({ status, requester }) => status === "pending-acceptance" && requester.vpcId === id,
  );
  const words = "You've reached the limit on the number of VPC peering connection requests that you can create for the specified VPC.";
  requireQuota(context, "outstanding-vpc-peering-connections", asked.length + 1, "OutstandingVpcPeeringConnectionLimitExceeded", words);
}

const AcceptVpcPeeringConnection: Action<AcceptVpcPeeringConnectionRequest, AcceptVpcPeeringConnectionResult> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireState(connection, ["pending-acceptance"], "provisioning");
  const accepter = findVpc(tx, connection.accepter.vpcId);
  for (const vpcId of [connection.requester.vpcId, accepter.id]) {
    const active = livePeeringsOf(tx, vpcId, context.now).filter(({ status }) => status === "active").length;
    const words = "You've reached the limit on the number of VPC peering connections per VPC.";
    requireQuota(context, "vpc-peering-connections-per-vpc", active + 1, "VpcPeeringConnectionsPerVpcLimitExceeded", words);
  }
  const accepted: VpcPeeringConnection = {
    ...connection,
    accepter: { ...connection.accepter, ...sideOf(accepter) },
    status: "active",
    statusMessage: "Active",
  };
  tx.put(accepted);
  const answer = describedConnection(tx, accepted);
  return { VpcPeeringConnection: { ...answer, Status: { Code: "provisioning", Message: "Provisioning" } } };
};

const RejectVpcPeeringConnection: Action<RejectVpcPeeringConnectionRequest, RejectVpcPeeringConnectionResult> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireState(connection, ["pending-acceptance"], "rejected");
  tx.put({ ...connection, status: "rejected", statusMessage: `Rejected by ${context.account}`, endTime: context.now });
  return { Return: true };
};

/** Routes to it stay, as blackholes. */
const DeleteVpcPeeringConnection: Action<DeleteVpcPeeringConnectionRequest, DeleteVpcPeeringConnectionResult> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireState(connection, ["active", "pending-acceptance"], "deleting");
  tx.put({ ...connection, status: "deleted", statusMessage: `Deleted by ${context.account}`, endTime: context.now });
  return { Return: true };
};

function requireState({ id, status }: VpcPeeringConnection, allowed: readonly VpcPeeringConnection["status"][], wanted: string): void {
  if (allowed.includes(status)) return;
  throw new Fault("InvalidStateTransition", `Invalid state transition for ${id}, attempted to transition from ${status} to ${wanted}`);
}

/** DNS resolution is recorded and described back. ClassicLink is gone from AWS. */
const ModifyVpcPeeringConnectionOptions: Action<ModifyVpcPeeringConnectionOptionsRequest, ModifyVpcPeeringConnectionOptionsResult> = (
  tx,
  input,
  context,
) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  const { AccepterPeeringConnectionOptions: ofAccepter, RequesterPeeringConnectionOptions: ofRequester } = input;
  if (!ofAccepter && !ofRequester)
    throw new Fault("MissingParameter", "The request must contain accepterPeeringConnectionOptions or requesterPeeringConnectionOptions");
  if (connection.status !== "active") {
    throw new Fault(
      "OperationNotPermitted",
      `Peering ${connection.id} is not active. Peering options can be added only to active peerings.`,
    );
  }
  const requester = withOptions(connection.requester, ofRequester);
  const accepter = withOptions(connection.accepter, ofAccepter);
  tx.put({ ...connection, requester, accepter });
  return {
    ...(ofAccepter ? { AccepterPeeringConnectionOptions: describedOptions(accepter) } : {}),
    ...(ofRequester ? { RequesterPeeringConnectionOptions: describedOptions(requester) } : {}),
  };
};

type Side = VpcPeeringConnection["requester"];

function withOptions(side: Side, options: PeeringConnectionOptionsRequest | undefined): Side {
  if (!options) return side;
  refuseUnoffered(options, ["AllowEgressFromLocalClassicLinkToRemoteVpc", "AllowEgressFromLocalVpcToRemoteClassicLink"]);
  return { ...side, allowDnsResolutionFromRemoteVpc: options.AllowDnsResolutionFromRemoteVpc ?? side.allowDnsResolutionFromRemoteVpc };
}

function describedOptions(side: Side): { AllowDnsResolutionFromRemoteVpc: boolean } {
  return { AllowDnsResolutionFromRemoteVpc: side.allowDnsResolutionFromRemoteVpc };
}

const HOUR_MS = 60 * 60 * 1000;
/** How long an ended connection is described (VPC peering guide, "VPC peering connection lifecycle"). */
const DESCRIBED_FOR_MS = { failed: 2 * HOUR_MS, deleted: 2 * HOUR_MS, rejected: 48 * HOUR_MS, expired: 48 * HOUR_MS } as const;

/** Writes down which requests have expired, and forgets what ended long enough ago. */
export function purgeVpcPeeringConnections(tx: Tx, { now }: Context): void {
  for (const kept of tx.list("vpc-peering-connection")) {
    const connection = expiredOrNot(kept, now);
    const { status, endTime } = connection;
    if (connection !== kept) tx.put(connection);
    if (status === "active" || status === "pending-acceptance" || endTime === undefined) continue;
    if (Date.parse(endTime) + DESCRIBED_FOR_MS[status] <= Date.parse(now)) tx.delete("vpc-peering-connection", connection.id);
  }
}

export const vpcPeeringConnectionActions = {
  CreateVpcPeeringConnection,
  AcceptVpcPeeringConnection,
  RejectVpcPeeringConnection,
  DeleteVpcPeeringConnection,
  ModifyVpcPeeringConnectionOptions,
};
