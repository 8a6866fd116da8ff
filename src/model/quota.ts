/** AWS's default quotas, per region unless the name says otherwise (facts, section 9). */
export const DEFAULT_QUOTAS = {
  vpcs: 5,
  "internet-gateways": 5,
  "nat-gateways-per-zone": 5,
  "prefix-lists": 100,
  "gateway-vpc-endpoints": 20,
  "vpn-gateways": 5,
  "customer-gateways": 50,
  "carrier-gateways-per-vpc": 1,
  "block-public-access-exclusions": 50,
  "egress-only-internet-gateways": 5,
  "elastic-ips": 5,
  "subnets-per-vpc": 200,
  "cidrs-per-vpc": 5,
  "ipv6-cidrs-per-vpc": 5,
  "route-tables-per-vpc": 200,
  "routes-per-table": 50,
  "network-acls-per-vpc": 200,
  "rules-per-network-acl": 20,
  "security-groups": 2500,
  "rules-per-security-group": 60,
  "security-groups-per-interface": 5,
  "network-interfaces": 5000,
  "flow-logs-per-resource": 10,
  "vpc-peering-connections-per-vpc": 50,
  "outstanding-vpc-peering-connections": 25,
  instances: 1000,
  "tags-per-resource": 50,
} as const;

export type QuotaName = keyof typeof DEFAULT_QUOTAS;
export type Quotas = Readonly<Record<QuotaName, number>>;
