import type {
  AcceptVpcPeeringConnectionRequest,
  AcceptVpcPeeringConnectionResult,
  DeleteVpcPeeringConnectionRequest,
  DeleteVpcPeeringConnectionResult,
  ModifyVpcPeeringConnectionOptionsRequest,
  ModifyVpcPeeringConnectionOptionsResult,
  PeeringConnectionOptionsRequest,
  RejectVpcPeeringConnectionRequest,
  RejectVpcPeeringConnectionResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Tx } from "../../model/state.ts";
import {
  betweenRegions,
  type PeeringSide,
  type VpcPeeringConnection,
} from "../../model/vpc-peering-connection.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { refuseUnoffered } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { describedConnection, findVpcPeeringConnection } from "./vpc-peering-connection-describe.ts";
import { expiredOrNot, livePeeringsOf, putPeering, sideOf } from "./vpc-peering-connection-side.ts";

const AcceptVpcPeeringConnection: Action<
  AcceptVpcPeeringConnectionRequest,
  AcceptVpcPeeringConnectionResult
> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireAccepter(connection, "accepted", context);
  requireState(connection, ["pending-acceptance"], "provisioning");
  const accepter = find(tx, "vpc", connection.accepter.vpcId);
  for (const { region, vpcId } of [connection.requester, connection.accepter]) {
    const active = livePeeringsOf(tx.elsewhere(region), vpcId, context.now).filter(
      ({ status }) => status === "active",
    ).length;
    const words = "You've reached the limit on the number of VPC peering connections per VPC.";
    requireQuota(
      context,
      "vpc-peering-connections-per-vpc",
      active + 1,
      "VpcPeeringConnectionsPerVpcLimitExceeded",
      words,
    );
  }
  const accepted: VpcPeeringConnection = {
    ...connection,
    accepter: { ...connection.accepter, ...sideOf(accepter) },
    status: "active",
    statusMessage: "Active",
  };
  putPeering(tx, accepted);
  const answer = describedConnection(tx, accepted);
  return { VpcPeeringConnection: { ...answer, Status: { Code: "provisioning", Message: "Provisioning" } } };
};

const RejectVpcPeeringConnection: Action<
  RejectVpcPeeringConnectionRequest,
  RejectVpcPeeringConnectionResult
> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireAccepter(connection, "accepted or rejected", context);
  requireState(connection, ["pending-acceptance"], "rejected");
  putPeering(tx, {
    ...connection,
    status: "rejected",
    statusMessage: `Rejected by ${context.account}`,
    endTime: context.now,
  });
  return { Return: true };
};

/**
 * @throws OperationNotPermitted anywhere but in the accepter's region (AWS's words, as clients have reported
 * them).
 */
function requireAccepter({ id, accepter }: VpcPeeringConnection, what: string, { region }: Context): void {
  if (accepter.region === region) return;
  throw new Fault(
    "OperationNotPermitted",
    `Incorrect region (${region}) specified for this request. VPC peering connection ${id} must be ${what} in region ${accepter.region}`,
  );
}

/** In the region of either side. Routes to it stay, as blackholes. */
const DeleteVpcPeeringConnection: Action<
  DeleteVpcPeeringConnectionRequest,
  DeleteVpcPeeringConnectionResult
> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  requireState(connection, ["active", "pending-acceptance"], "deleting");
  putPeering(tx, {
    ...connection,
    status: "deleted",
    statusMessage: `Deleted by ${context.account}`,
    endTime: context.now,
  });
  return { Return: true };
};

function requireState(
  { id, status }: VpcPeeringConnection,
  allowed: readonly VpcPeeringConnection["status"][],
  wanted: string,
): void {
  if (allowed.includes(status)) return;
  throw new Fault(
    "InvalidStateTransition",
    `Invalid state transition for ${id}, attempted to transition from ${status} to ${wanted}`,
  );
}

/** DNS resolution is recorded and described back. ClassicLink is gone from AWS. */
const ModifyVpcPeeringConnectionOptions: Action<
  ModifyVpcPeeringConnectionOptionsRequest,
  ModifyVpcPeeringConnectionOptionsResult
> = (tx, input, context) => {
  const connection = findVpcPeeringConnection(tx, input.VpcPeeringConnectionId, context);
  const { AccepterPeeringConnectionOptions: ofAccepter, RequesterPeeringConnectionOptions: ofRequester } =
    input;
  if (!ofAccepter && !ofRequester)
    throw new Fault(
      "MissingParameter",
      "The request must contain accepterPeeringConnectionOptions or requesterPeeringConnectionOptions",
    );
  if (connection.status !== "active") {
    throw new Fault(
      "OperationNotPermitted",
      `Peering ${connection.id} is not active. Peering options can be added only to active peerings.`,
    );
  }
  if (betweenRegions(connection)) requireOwnOptions(connection, input, context);
  const requester = withOptions(connection.requester, ofRequester);
  const accepter = withOptions(connection.accepter, ofAccepter);
  putPeering(tx, { ...connection, requester, accepter });
  return {
    ...(ofAccepter ? { AccepterPeeringConnectionOptions: describedOptions(accepter) } : {}),
    ...(ofRequester ? { RequesterPeeringConnectionOptions: describedOptions(requester) } : {}),
  };
};

const CLASSIC_LINK = [
  "AllowEgressFromLocalClassicLinkToRemoteVpc",
  "AllowEgressFromLocalVpcToRemoteClassicLink",
] as const;

/**
 * Between regions each side's options are set in its own, and ClassicLink's in none, whatever they say.
 * @throws OperationNotPermitted (AWS's words, as clients have reported them).
 */
function requireOwnOptions(
  { requester, accepter }: VpcPeeringConnection,
  input: ModifyVpcPeeringConnectionOptionsRequest,
  { region }: Context,
) {
  const asked = [
    ["Requester", requester, input.RequesterPeeringConnectionOptions],
    ["Accepter", accepter, input.AccepterPeeringConnectionOptions],
  ] as const;
  for (const [name, side, options] of asked) {
    if (!options) continue;
    if (CLASSIC_LINK.some((option) => options[option] !== undefined)) {
      const words = `Modifying VPC peering connection options ${CLASSIC_LINK.join(", ")} is not supported for cross-region VPC peering connections`;
      throw new Fault("OperationNotPermitted", words);
    }
    if (side.region !== region)
      throw new Fault(
        "OperationNotPermitted",
        `${name}'s VPC Peering connection options cannot be modified for a different region`,
      );
  }
}

function withOptions(side: PeeringSide, options: PeeringConnectionOptionsRequest | undefined): PeeringSide {
  if (!options) return side;
  refuseUnoffered(options, CLASSIC_LINK);
  return {
    ...side,
    allowDnsResolutionFromRemoteVpc:
      options.AllowDnsResolutionFromRemoteVpc ?? side.allowDnsResolutionFromRemoteVpc,
  };
}

function describedOptions(side: PeeringSide): { AllowDnsResolutionFromRemoteVpc: boolean } {
  return { AllowDnsResolutionFromRemoteVpc: side.allowDnsResolutionFromRemoteVpc };
}

const HOUR_MILLISECONDS = 60 * 60 * 1000;
/** How long an ended connection is described (VPC peering guide, "VPC peering connection lifecycle"). */
const DESCRIBED_FOR_MILLISECONDS = {
  failed: 2 * HOUR_MILLISECONDS,
  deleted: 2 * HOUR_MILLISECONDS,
  rejected: 48 * HOUR_MILLISECONDS,
  expired: 48 * HOUR_MILLISECONDS,
} as const;

/**
 * Writes down which requests of the region have expired, and forgets what ended long enough ago; the other
 * side's region does the same.
 */
export function purgeVpcPeeringConnections(tx: Tx, { now }: Context): void {
  for (const kept of tx.list("vpc-peering-connection")) {
    const connection = expiredOrNot(kept, now);
    const { status, endTime } = connection;
    if (connection !== kept) tx.put(connection);
    if (status === "active" || status === "pending-acceptance" || endTime === undefined) continue;
    if (Date.parse(endTime) + DESCRIBED_FOR_MILLISECONDS[status] <= Date.parse(now))
      tx.delete("vpc-peering-connection", connection.id);
  }
}

export const vpcPeeringConnectionActions = {
  AcceptVpcPeeringConnection,
  RejectVpcPeeringConnection,
  DeleteVpcPeeringConnection,
  ModifyVpcPeeringConnectionOptions,
};
