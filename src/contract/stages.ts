/**
 * The stages of a packet, in order, and the reasons for which each stage drops it or lets it pass. They are
 * written only here: the C header, the counters, the analyzer and the command line use these words. `code` is
 * AWS Reachability Analyzer's explanation code, where it has one.
 */
export const STAGES = [
  "parse",
  "admit",
  "services",
  "security_group_out",
  "network_acl_out",
  "route",
  "nat_gateway",
  "internet_gateway",
  "network_acl_in",
  "security_group_in",
  "deliver",
] as const;
export type Stage = (typeof STAGES)[number];

type Drop = { readonly stage: Stage; readonly code?: string };

/** In order: the index is the kernel's number, and 0 means "not dropped". Only ever append. */
export const DROPS = {
  none: { stage: "parse" },
  malformed: { stage: "parse" },
  not_ip: { stage: "parse" },
  ipv6_not_offered: { stage: "admit" },
  unknown_interface: { stage: "admit" },
  interface_down: { stage: "admit", code: "BAD_STATE" },
  spoofed_mac: { stage: "admit", code: "GATEWAY_REJECTS_SPOOFED_TRAFFIC" },
  spoofed_source: { stage: "admit", code: "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
  multicast: { stage: "admit", code: "NO_POSSIBLE_DESTINATION" },
  broadcast: { stage: "admit", code: "NO_POSSIBLE_DESTINATION" },
  link_local: { stage: "services", code: "NO_POSSIBLE_DESTINATION" },
  metadata_disabled: { stage: "services" },
  dns_disabled: { stage: "services" },
  no_such_service: { stage: "services" },
  security_group_out: { stage: "security_group_out", code: "ENI_SG_RULES_MISMATCH" },
  security_group_in: { stage: "security_group_in", code: "ENI_SG_RULES_MISMATCH" },
  connections_full: { stage: "security_group_out" },
  fragment_without_first: { stage: "security_group_out" },
  network_acl_out: { stage: "network_acl_out", code: "SUBNET_ACL_RESTRICTION" },
  network_acl_in: { stage: "network_acl_in", code: "SUBNET_ACL_RESTRICTION" },
  no_route: { stage: "route", code: "NO_ROUTE_TO_DESTINATION" },
  blackhole: { stage: "route", code: "BAD_STATE_ROUTE" },
  no_such_private_address: { stage: "route", code: "NO_POSSIBLE_DESTINATION" },
  route_loop: { stage: "route", code: "CANNOT_ROUTE" },
  no_internet_gateway: { stage: "internet_gateway", code: "BAD_STATE_ATTACHMENT" },
  no_public_ip: { stage: "internet_gateway", code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS" },
  public_ip_not_mapped: { stage: "internet_gateway", code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS" },
  private_destination: { stage: "internet_gateway", code: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS" },
  shared_destination: { stage: "internet_gateway", code: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS" },
  private_source: { stage: "internet_gateway", code: "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS" },
  shared_source: { stage: "internet_gateway", code: "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS" },
  own_source: { stage: "internet_gateway", code: "GATEWAY_REJECTS_SPOOFED_TRAFFIC" },
  not_for_us: { stage: "internet_gateway", code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS" },
  too_big: { stage: "deliver" },
  destination_down: { stage: "deliver", code: "BAD_STATE" },
  tables_incomplete: { stage: "deliver" },
  destination_check: { stage: "deliver", code: "ENI_SOURCE_DEST_CHECK_RESTRICTION" },
  nat_source: { stage: "nat_gateway", code: "NGW_REQUIRES_SOURCE_IN_VPC" },
  nat_protocol: { stage: "nat_gateway" },
  nat_no_connection: { stage: "nat_gateway" },
  nat_connection_expired: { stage: "nat_gateway" },
  nat_ports_exhausted: { stage: "nat_gateway" },
  nat_connections_full: { stage: "nat_gateway" },
  nat_private: { stage: "nat_gateway" },
  peering_source: { stage: "route", code: "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR" },
  block_public_access: { stage: "internet_gateway", code: "VPC_BLOCK_PUBLIC_ACCESS_ENABLED" },
  nothing_behind: { stage: "route" },
  egress_only: { stage: "internet_gateway" },
  link_local_allowance: { stage: "services" },
  nat_fragment: { stage: "nat_gateway" },
  nat_ttl: { stage: "nat_gateway" },
  nat64_destination: { stage: "nat_gateway", code: "NO_POSSIBLE_DESTINATION" },
  nat64_checksum: { stage: "nat_gateway" },
  endpoint_without_service: { stage: "deliver" },
  stranger: { stage: "admit" },
  moved: { stage: "deliver" },
  no_uplink: { stage: "deliver" },
} as const satisfies Record<string, Drop>;

export type DropReason = keyof typeof DROPS;
/** AWS Reachability Analyzer's code for the reason, where it has one. */
export function codeOfDrop(reason: DropReason): string | undefined {
  return (DROPS[reason] as Drop).code;
}
export const DROP_REASONS = Object.keys(DROPS) as readonly DropReason[];

/**
 * The reasons to let a packet on to the next stage, and the stages that have them. The kernel program has no
 * numbers for these.
 */
export const PASSES = {
  parse: ["parse"],
  admit: ["admit"],
  forwards: ["admit"],
  no_service: ["services"],
  service: ["services"],
  security_group_out: ["security_group_out"],
  security_group_in: ["security_group_in"],
  remembered: ["security_group_out", "security_group_in"],
  network_acl_out: ["network_acl_out"],
  network_acl_in: ["network_acl_in"],
  same_subnet: ["network_acl_out", "network_acl_in"],
  no_network_acl: ["network_acl_out", "network_acl_in"],
  route: ["route"],
  within_subnet: ["route"],
  nat_gateway_out: ["nat_gateway"],
  nat_gateway_in: ["nat_gateway"],
  internet_gateway_out: ["internet_gateway"],
  internet_gateway_in: ["internet_gateway"],
  ipv6_gateway_out: ["internet_gateway"],
  ipv6_gateway_in: ["internet_gateway"],
  egress_only_out: ["internet_gateway"],
  egress_only_in: ["internet_gateway"],
  deliver: ["deliver"],
} as const satisfies Record<string, readonly Stage[]>;

export type PassReason = keyof typeof PASSES;
/** The reasons of one stage. */
export type PassReasonOf<At extends Stage> = {
  [What in PassReason]: At extends (typeof PASSES)[What][number] ? What : never;
}[PassReason];
