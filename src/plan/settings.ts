import { poolsOf } from "./pool.ts";
import { type Entry, LAYOUT_VERSION, MAX_POOLS } from "./tables.ts";

/** What the tables need to know of the machine: its public addresses and its links. */
export type PlanSettings = {
  /** Public IPv4 pools, canonical CIDR blocks. */
  readonly pools: readonly string[];
  /** Link indexes. */
  readonly uplink: number;
  readonly services: number;
  readonly fragments: number;
  readonly uplinkMac: string;
  readonly uplinkPeerMac: string;
  readonly servicesMac: string;
  readonly servicesPeerMac: string;
  /** How many connections security groups remember per interface. */
  readonly connectionLimit: number;
  /** How many they may remember in all before an interface with more than its share is refused. */
  readonly connectionsCrowded?: number;
  readonly connectionShare?: number;
  /** How many connections a NAT gateway remembers, and how many ports each of its addresses has towards one destination. */
  readonly natConnectionLimit?: number;
  readonly natConnectionsCrowded?: number;
  readonly natConnectionShare?: number;
  readonly natPorts?: number;
  /** How many flow records of a window are for whoever comes, and how many each interface has beyond those. */
  readonly flowRecordsShared?: number;
  readonly flowRecordShare?: number;
  /** How many packets an interface may send to link-local services in a second. */
  readonly linkLocalAllowance?: number;
  /** A fixed time in nanoseconds, for tests. */
  readonly now?: bigint;
};

/** Three quarters of the table that the program has for connections (datapath/bpf/connection.h). */
const CROWDED = 786_432;
const SHARE = 1_024;
/** A quarter of the table that the program has for NAT gateways' connections, which take two rows each (datapath/bpf/nat_gateway.h). */
const NAT_CONNECTIONS = 131_072;
/** Three quarters of what the table has room for in all, and what each gateway has beyond that. */
const NAT_CROWDED = 393_216;
const NAT_SHARE = 8_192;
/** VPC user guide, "NAT gateways". */
const NAT_PORTS = 55_000;
/** Three quarters of the table that the program has for flow records (datapath/bpf/flow_log.h): 19,660 for one interface alone. */
const FLOW_RECORDS = 98_304;
const FLOW_SHARE = 128;

/** VPC user guide, "DNS quotas", and EC2 user guide, "Link-local packets": of DNS, metadata and time together. */
const LINK_LOCAL_PACKETS = 1_024;

const NO_POOL_ROW = { base: "0.0.0.0", mask: "0.0.0.0", first: 0, size: 0 };

export function settingsRow(settings: PlanSettings): Entry<"settings"> {
  const pools = poolsOf(settings.pools);
  return {
    table: "settings",
    key: 0,
    value: {
      layout: LAYOUT_VERSION,
      pool_count: pools.length,
      uplink: settings.uplink,
      services: settings.services,
      fragments: settings.fragments,
      connection_limit: settings.connectionLimit,
      connections_crowded: settings.connectionsCrowded ?? CROWDED,
      connection_share: settings.connectionShare ?? SHARE,
      nat_connection_limit: settings.natConnectionLimit ?? NAT_CONNECTIONS,
      nat_connections_crowded: settings.natConnectionsCrowded ?? NAT_CROWDED,
      nat_connection_share: settings.natConnectionShare ?? NAT_SHARE,
      nat_ports: settings.natPorts ?? NAT_PORTS,
      flow_records_shared: settings.flowRecordsShared ?? FLOW_RECORDS,
      flow_record_share: settings.flowRecordShare ?? FLOW_SHARE,
      link_local_allowance: settings.linkLocalAllowance ?? LINK_LOCAL_PACKETS,
      pad: 0,
      now: settings.now ?? 0n,
      uplink_mac: settings.uplinkMac,
      uplink_peer_mac: settings.uplinkPeerMac,
      services_mac: settings.servicesMac,
      services_peer_mac: settings.servicesPeerMac,
      pools: Array.from({ length: MAX_POOLS }, (_, place) => pools[place] ?? NO_POOL_ROW),
    },
  };
}
