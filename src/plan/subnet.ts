import { present } from "../lib/assert.ts";
import { parseCidr } from "../lib/cidr.ts";
import { formatIpv4, ipv4 } from "../lib/ip.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import { entry } from "./entry.ts";
import type { Entry } from "./tables.ts";

export function subnetEntries(reader: Reader, subnet: Subnet): readonly Entry[] {
  const vpc = present(reader.get("vpc", subnet.vpcId), subnet.vpcId);
  const tableId = subnet.routeTableAssociation?.routeTableId ?? vpc.mainRouteTable.routeTableId;
  const block = present(parseCidr(subnet.cidrBlock), `the block of ${subnet.id}`);
  return [
    entry("subnets", subnet.slot, {
      vpc: vpc.slot,
      route_table: present(reader.get("route-table", tableId), tableId).slot,
      network_acl: present(reader.get("network-acl", subnet.networkAcl.networkAclId), subnet.networkAcl.networkAclId).slot,
      block: formatIpv4(block.base),
      router: formatIpv4(ipv4(block.base + 1)),
      length: block.length,
    }),
  ];
}
