import { type Entry, IPV6_BLOCKS, ROUTE_TARGET, VPC_FLAGS } from "../contract/tables.ts";
import { formatIpv4, ipv4 } from "../lib/address.ts";
import { assert, present } from "../lib/assert.ts";
import { ipv4BlockOf } from "../lib/block.ts";
import type { InternetGateway } from "../model/internet-gateway.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import { isLogged } from "./flow-log.ts";
import { ipv6RouteRow } from "./route-table.ts";

/**
 * A VPC's rows: the gateway attached to it (the first of the three conditions), and the IPv6 blocks that are
 * its own.
 */
export function vpcRows(reader: Reader, vpc: Vpc): readonly Entry[] {
  const gateways = reader.by("internet-gateway", "vpcId", vpc.id);
  assert(gateways.length <= 1, `${vpc.id} has one gateway at most`);
  const gateway = gateways[0];
  const primary = ipv4BlockOf(present(vpc.cidrBlocks[0], `the primary block of ${vpc.id}`).cidrBlock);
  return [
    {
      table: "vpcs",
      key: vpc.slot,
      value: {
        internet_gateway: gateway ? gateway.slot + 1 : 0,
        flags: flagsOf(reader, vpc),
        gateway_route_table: gatewayTable(reader, gateway),
        dns: formatIpv4(ipv4(primary.base + 2)),
      },
    },
    ...(vpc.ipv6CidrBlocks ?? []).map(({ ipv6CidrBlock }) =>
      ipv6RouteRow(IPV6_BLOCKS, ipv6CidrBlock, { target: ROUTE_TARGET.local, slot: vpc.slot }),
    ),
  ];
}

function flagsOf(reader: Reader, vpc: Vpc): number {
  return (
    (vpc.enableDnsSupport ? VPC_FLAGS.dns_support : 0) | (isLogged(reader, vpc) ? VPC_FLAGS.flow_log : 0)
  );
}

/** The slot plus one of the table that routes what comes in through the gateway; 0 when there is none. */
function gatewayTable(reader: Reader, gateway: InternetGateway | undefined): number {
  const table =
    gateway?.routeTableAssociation && reader.get("route-table", gateway.routeTableAssociation.routeTableId);
  return table ? table.slot + 1 : 0;
}
