import type {
  DescribeVpcPeeringConnectionsRequest,
  DescribeVpcPeeringConnectionsResult,
  VpcPeeringConnection as ConnectionAnswer,
  VpcPeeringConnectionVpcInfo,
} from "@aws-sdk/client-ec2";
import type { Reader, Tx } from "../../model/state.ts";
import type { VpcPeeringConnection } from "../../model/vpc-peering-connection.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, type Source, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { tagList } from "../kit/tags.ts";
import { expiredOrNot, vpcOf } from "./vpc-peering-connection-side.ts";

/**
 * The connection as it is now: a request that nobody answered in time has expired.
 * @throws MissingParameter, InvalidVpcPeeringConnectionId.Malformed, InvalidVpcPeeringConnectionID.NotFound.
 */
export function findVpcPeeringConnection(
  tx: Reader,
  id: string | undefined,
  context: Context,
): VpcPeeringConnection {
  return expiredOrNot(find(tx, "vpc-peering-connection", id), context.now);
}

const DescribeVpcPeeringConnections: Action<
  DescribeVpcPeeringConnectionsRequest,
  DescribeVpcPeeringConnectionsResult
> = (tx, input, context) => {
  const all = (): Source<VpcPeeringConnection> => {
    const found = candidates(tx, "vpc-peering-connection", input.Filters, VPC_INDEXES);
    return {
      length: found.length,
      slice: (start, end) => found.slice(start, end).map((one) => expiredOrNot(one, context.now)),
    };
  };
  const connections = chosen(
    input.VpcPeeringConnectionIds,
    (id) => findVpcPeeringConnection(tx, id, context),
    all,
  );
  const { items, nextToken } = searched(connections, input, fields(tx));
  return {
    VpcPeeringConnections: items.map((connection) => describedConnection(tx, connection)),
    NextToken: nextToken,
  };
};

const VPC_INDEXES = { "accepter-vpc-info.vpc-id": "vpcId", "requester-vpc-info.vpc-id": "vpcId" } as const;

function fields(tx: Tx): FilterFields<VpcPeeringConnection> {
  return {
    "accepter-vpc-info.cidr-block": (connection) =>
      describedConnection(tx, connection).AccepterVpcInfo?.CidrBlock,
    "accepter-vpc-info.owner-id": ({ accepter }) => accepter.ownerId,
    "accepter-vpc-info.vpc-id": ({ accepter }) => accepter.vpcId,
    "expiration-time": ({ expirationTime }) => expirationTime,
    "requester-vpc-info.cidr-block": (connection) =>
      describedConnection(tx, connection).RequesterVpcInfo?.CidrBlock,
    "requester-vpc-info.owner-id": ({ requester }) => requester.ownerId,
    "requester-vpc-info.vpc-id": ({ requester }) => requester.vpcId,
    "status-code": ({ status }) => status,
    "status-message": ({ statusMessage }) => statusMessage,
    "vpc-peering-connection-id": ({ id }) => id,
  };
}

/**
 * As the API lists it. The expiration shows until the request is answered; of the accepter's VPC only its
 * name until then (recorded answers).
 */
export function describedConnection(tx: Tx, connection: VpcPeeringConnection): ConnectionAnswer {
  const { id, status, statusMessage, expirationTime, tags } = connection;
  return {
    VpcPeeringConnectionId: id,
    RequesterVpcInfo: describedSide(tx, connection, "requester"),
    AccepterVpcInfo: describedSide(tx, connection, "accepter"),
    Status: { Code: status, Message: statusMessage },
    ...(status === "pending-acceptance" ? { ExpirationTime: new Date(expirationTime) } : {}),
    Tags: tagList(tags),
  };
}

/** While the connection is active, the blocks are those that the VPC has now. */
function describedSide(
  tx: Tx,
  connection: VpcPeeringConnection,
  name: "requester" | "accepter",
): VpcPeeringConnectionVpcInfo {
  const side = connection[name];
  const vpc = connection.status === "active" ? vpcOf(tx, side) : undefined;
  const blocks = vpc?.cidrBlocks.map(({ cidrBlock }) => cidrBlock) ?? side.cidrBlocks;
  const ipv6 = vpc?.ipv6CidrBlocks?.map(({ ipv6CidrBlock }) => ipv6CidrBlock) ?? side.ipv6CidrBlocks;
  const common = { OwnerId: side.ownerId, VpcId: side.vpcId, Region: side.region };
  if (blocks.length === 0 || connection.status === "deleted") return common;
  return {
    ...common,
    CidrBlock: blocks[0],
    CidrBlockSet: blocks.map((CidrBlock) => ({ CidrBlock })),
    ...(ipv6.length > 0 ? { Ipv6CidrBlockSet: ipv6.map((Ipv6CidrBlock) => ({ Ipv6CidrBlock })) } : {}),
    PeeringOptions: {
      AllowDnsResolutionFromRemoteVpc: side.allowDnsResolutionFromRemoteVpc,
      AllowEgressFromLocalClassicLinkToRemoteVpc: false,
      AllowEgressFromLocalVpcToRemoteClassicLink: false,
    },
  };
}

export const vpcPeeringConnectionDescribeActions = { DescribeVpcPeeringConnections };
