import type { FlowCount } from "../contract/flow-count.ts";
import { isIpv6Text } from "../lib/address.ts";
import type { Tags } from "../model/common.ts";
import { FLOW_LOG_FIELDS, type FlowLog, type FlowLogField, fieldsOf } from "../model/flow-log.ts";
import { interfaceType, type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";

/** What a record is about: an interface, and what is known of it when the record is written. */
export type FlowSubject = Hop & {
  readonly account: string;
  readonly region: string;
  readonly instanceTags?: Tags;
  /** Public addresses by private ones; only for an interface of a regional NAT gateway. */
  readonly publicIps?: ReadonlyMap<string, string>;
};

/**
 * An interface and its zone. `regional`: it is in a regional NAT gateway's zone subnet, which no call shows.
 */
export type Hop = { readonly eni: NetworkInterface; readonly zoneId: string; readonly regional: boolean };

/** Unix seconds. */
type Span = { readonly start: number; readonly end: number };

/**
 * The content of a record: a flow, or that there was none (NODATA), or that some found no room (SKIPDATA).
 */
export type Told = { readonly span: Span } & (
  | { readonly status: "OK"; readonly flow: FlowCount; readonly nextHop?: Hop | undefined }
  | { readonly status: "NODATA" | "SKIPDATA" }
);

/** The text for a field that does not apply or is not known. */
const NONE = "-";

/** The record's line in the flow log's own format. Source: VPC user guide, "Flow log records". */
export function recordLine(log: FlowLog, subject: FlowSubject, told: Told): string {
  const fields = fieldsOf(log);
  const version = Math.max(2, ...fields.map((field) => FLOW_LOG_FIELDS[field]));
  const values: Partial<Record<FlowLogField, string>> = {
    version: String(version),
    start: String(told.span.start),
    end: String(told.span.end),
    "log-status": told.status,
    ...subjectFields(log, subject),
    ...(told.status === "OK" ? { ...flowFields(subject, told.flow), ...nextHopFields(told.nextHop) } : {}),
  };
  return fields.map((field) => values[field] || NONE).join(" ");
}

/** The first line of a file: the names of the fields. */
export function headerLine(log: FlowLog): string {
  return fieldsOf(log).join(" ");
}

function subjectFields(
  log: FlowLog,
  { account, region, zoneId, eni, regional, instanceTags = {} }: FlowSubject,
): Partial<Record<FlowLogField, string>> {
  const instance = eni.requesterManaged ? undefined : eni.attachment?.instanceId;
  const keys = (type: "instance" | "network-interface"): readonly string[] =>
    log.tagFields?.find(({ resourceType }) => resourceType === type)?.tagKeys ?? [];
  const [instanceKey = "", instanceKey2 = ""] = keys("instance");
  const [interfaceKey = "", interfaceKey2 = ""] = keys("network-interface");
  return {
    "account-id": account,
    ...(regional
      ? { "resource-id": eni.natGatewayId ?? NONE }
      : { "interface-id": eni.id, "vpc-id": eni.vpcId, "subnet-id": eni.subnetId }),
    ...(instance === undefined ? {} : { "instance-id": instance }),
    region,
    "az-id": zoneId,
    "instance-tag": tagValue(instanceTags, instanceKey),
    "instance-tag-2": tagValue(instanceTags, instanceKey2),
    "interface-tag": tagValue(eni.tags, interfaceKey),
    "interface-tag-2": tagValue(eni.tags, interfaceKey2),
    "interface-type": typeField(eni, regional),
  };
}

/** AWS has words only for the interfaces of services. */
function typeField(eni: NetworkInterface, regional: boolean): string {
  const type = interfaceType(eni);
  return regional ? "regional_nat_gateway" : type === "interface" ? NONE : type;
}

/** An interface of a regional NAT gateway is shown only by its zone, here as in its own records. */
function nextHopFields(hop: Hop | undefined): Partial<Record<FlowLogField, string>> {
  if (!hop) return {};
  const { eni, zoneId, regional } = hop;
  return {
    ...(regional
      ? {}
      : {
          "next-hop-interface-id": eni.id,
          "next-hop-subnet-id": eni.subnetId,
          "next-hop-vpc-id": eni.vpcId,
        }),
    "next-hop-az-id": zoneId,
    "next-hop-interface-type": typeField(eni, regional),
  };
}

/** Special characters are percent-encoded as UTF-8, so that a value never looks like two fields. */
function tagValue(tags: Tags, key: string): string {
  const value = Object.hasOwn(tags, key) ? tags[key] : undefined;
  return value === undefined || value === "" ? NONE : encodeURIComponent(Buffer.from(value).toString());
}

/**
 * The addresses of a flow. A regional NAT gateway shows those of its packets, with its own as the internet
 * sees them.
 */
function flowFields(
  { eni, regional, publicIps }: FlowSubject,
  counted: FlowCount,
): Partial<Record<FlowLogField, string>> {
  const shown = (address: string): string => publicIps?.get(address) ?? address;
  const flow = { ...counted, source: shown(counted.source), destination: shown(counted.destination) };
  const own = (address: string): string => (regional ? address : ownAddress(eni, address));
  const egress = flow.direction === "egress";
  return {
    srcaddr: egress ? own(flow.source) : flow.source,
    dstaddr: egress ? flow.destination : own(flow.destination),
    srcport: String(flow.sourcePort),
    dstport: String(flow.destinationPort),
    protocol: String(flow.protocol),
    packets: String(flow.packets),
    bytes: String(flow.bytes),
    action: flow.action,
    "tcp-flags": String(flow.tcpFlags),
    type: isIpv6Text(flow.source) ? "IPv6" : "IPv4",
    "pkt-srcaddr": flow.source,
    "pkt-dstaddr": flow.destination,
    "flow-direction": flow.direction,
    "traffic-path": flow.path === 0 ? NONE : String(flow.path),
    "reject-reason": flow.rejectReason ?? NONE,
  };
}

/**
 * A record shows the interface's primary address at its own end, whatever address is in the packet ("Flow log
 * limitations").
 */
function ownAddress(eni: NetworkInterface, address: string): string {
  if (!isIpv6Text(address)) return primaryPrivateIp(eni) ?? address;
  const own = eni.ipv6Addresses ?? [];
  return own.includes(address) ? address : (own[0] ?? address);
}
