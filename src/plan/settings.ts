import { ROWS_PER_NAT_CONNECTION } from "../contract/nat-connection.ts";
import { poolsOf } from "../contract/pool.ts";
import { RECORD_MAPS } from "../contract/records.ts";
import { type Entry, LAYOUT_VERSION, MAX_POOLS } from "../contract/tables.ts";

/** What the tables need to know about the machine: its public addresses and its links. */
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
  readonly connectionLimit?: number;
  /** How many connections there may be in total before an interface above its share is refused new ones. */
  readonly connectionsCrowded?: number;
  readonly connectionShare?: number;
  /**
   * How many connections a NAT gateway remembers, and how many ports each of its addresses has towards one
   * destination.
   */
  readonly natConnectionLimit?: number;
  readonly natConnectionsCrowded?: number;
  readonly natConnectionShare?: number;
  readonly natPorts?: number;
  /**
   * How many of a window's flow records are shared by all interfaces, and how many more each interface has
   * for itself.
   */
  readonly flowRecordsShared?: number;
  readonly flowRecordShare?: number;
  /** How many packets per second an interface may send to link-local services. */
  readonly linkLocalAllowance?: number;
  /** In a region of machines: this one's number, and its overlay's link and MTU (bytes of an IP packet). */
  readonly machine?: number;
  readonly overlay?: number;
  readonly overlayMtu?: number;
  /** The underlay address that all gateways have. */
  readonly gateways?: string;
  /** A fixed time in nanoseconds, for tests. */
  readonly now?: bigint;
};

/** A table is crowded when three quarters are full: the rest is for interfaces below their share. */
const CROWDED = 3 / 4;

const CONNECTIONS = RECORD_MAPS.connections.max;
/** The limit for one interface. */
const CONNECTIONS_OF_ONE = 65_536;
const SHARE = 1_024;
const NAT_CONNECTIONS = RECORD_MAPS.nat_connections.max / ROWS_PER_NAT_CONNECTION;
/** The limit for one gateway. */
const NAT_LIMIT = NAT_CONNECTIONS / 4;
const NAT_SHARE = 8_192;
/** Source: VPC user guide, "NAT gateways". */
const NAT_PORTS = 55_000;
/** The records in one window. An interface that is alone gets a fifth of three quarters of them: 19,660. */
const FLOW_RECORDS = RECORD_MAPS.flow_records_a.max;
const FLOW_SHARE = 128;

/**
 * For DNS, metadata and time together (VPC user guide, "DNS quotas"; EC2 user guide, "Link-local packets").
 */
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
      connection_limit: settings.connectionLimit ?? CONNECTIONS_OF_ONE,
      connections_crowded: settings.connectionsCrowded ?? CONNECTIONS * CROWDED,
      connection_share: settings.connectionShare ?? SHARE,
      nat_connection_limit: settings.natConnectionLimit ?? NAT_LIMIT,
      nat_connections_crowded: settings.natConnectionsCrowded ?? NAT_CONNECTIONS * CROWDED,
      nat_connection_share: settings.natConnectionShare ?? NAT_SHARE,
      nat_ports: settings.natPorts ?? NAT_PORTS,
      flow_records_shared: settings.flowRecordsShared ?? FLOW_RECORDS * CROWDED,
      flow_record_share: settings.flowRecordShare ?? FLOW_SHARE,
      link_local_allowance: settings.linkLocalAllowance ?? LINK_LOCAL_PACKETS,
      machine: settings.machine ?? 0,
      overlay: settings.overlay ?? 0,
      overlay_mtu: settings.overlayMtu ?? 0,
      gateways: settings.gateways ?? "0.0.0.0",
      pad: 0,
      now: settings.now ?? 0n,
      uplink_mac: settings.uplinkMac,
      uplink_peer_mac: settings.uplinkPeerMac,
      services_mac: settings.servicesMac,
      services_peer_mac: settings.servicesPeerMac,
      pools: Array.from({ length: MAX_POOLS }, (_, index) => pools[index] ?? NO_POOL_ROW),
    },
  };
}
