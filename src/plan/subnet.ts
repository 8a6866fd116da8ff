import { type Entry, type StructValue, SUBNET_FLAGS } from "../contract/tables.ts";
import { formatIpv4, ipv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { ipv4BlockOf } from "../lib/block.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import { blockedFlags } from "./block-public-access.ts";
import { isLogged } from "./flow-log.ts";
import { zoneNumber } from "./zone.ts";

/** The block in the row of an IPv6-only subnet: no packet comes from it or goes to it. */
const NO_BLOCK = "0.0.0.0/32";

/** A subnet's row: its blocks, its route table and its network ACL. */
export function subnetRows(reader: Reader, subnet: Subnet): readonly Entry[] {
  const vpc = present(reader.get("vpc", subnet.vpcId), `${subnet.vpcId} of ${subnet.id}`);
  const tableId = subnet.routeTableAssociation?.routeTableId ?? vpc.mainRouteTable.routeTableId;
  const aclId = subnet.networkAcl?.networkAclId;
  const acl =
    aclId === undefined ? undefined : present(reader.get("network-acl", aclId), `${aclId} of ${subnet.id}`);
  const block = ipv4BlockOf(subnet.cidrBlock ?? NO_BLOCK);
  return [
    {
      table: "subnets",
      key: subnet.slot,
      value: {
        vpc: vpc.slot,
        route_table: present(reader.get("route-table", tableId), `${tableId} of ${subnet.id}`).slot,
        network_acl: acl?.slot ?? 0,
        block: formatIpv4(block.base),
        router: subnet.cidrBlock === undefined ? formatIpv4(block.base) : formatIpv4(ipv4(block.base + 1)),
        length: block.length,
        ...ipv6Of(subnet),
        zone: zoneNumber(subnet.availabilityZone),
        flags:
          (isLogged(reader, subnet) ? SUBNET_FLAGS.flow_log : 0) |
          (acl ? 0 : SUBNET_FLAGS.no_network_acl) |
          blockedFlags(reader, subnet),
      },
    },
  ];
}

function ipv6Of({ ipv6CidrBlock: block }: Subnet): Pick<StructValue<"subnet">, "ipv6_block" | "ipv6_length"> {
  const [address = "::", length = "0"] = block?.ipv6CidrBlock.split("/") ?? [];
  return { ipv6_block: address, ipv6_length: Number(length) };
}
