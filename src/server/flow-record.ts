import { isIpv6 } from "../lib/ip.ts";
import { FLOW_LOG_FIELDS, type FlowLog, type FlowLogField, fieldsOf } from "../model/flow-log.ts";
import type { Tags } from "../model/common.ts";
import { interfaceType, type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";
import type { FlowCount } from "../plan/flow-count.ts";

/** What a record is about: the interface, and what is known of it when the record is written. */
export type FlowSubject = Hop & {
  readonly account: string;
  readonly region: string;
  readonly instanceTags?: Tags;
  /** Public addresses by private ones, of a regional NAT gateway's place. */
  readonly publicIps?: ReadonlyMap<string, string>;
};

/** An interface and its zone. `regional`: it is a regional NAT gateway's place there, which no call shows. */
export type Hop = { readonly eni: NetworkInterface; readonly zoneId: string; readonly regional: boolean };

/** Unix seconds. */
type Span = { readonly start: number; readonly end: number };

/** What is told of an interface: a flow, or that there was none, or that some found no room. */
export type Told = { readonly span: Span } & (
  | { readonly status: "OK"; readonly flow: FlowCount; readonly nextHop?: Hop | undefined }
  | { readonly status: "NODATA" | "SKIPDATA" }
);

/** What stands for a field that is not applicable or not known. */
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

/** The first line of a file: the fields' names. */
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

/** AWS has words for those of services alone. */
function typeField(eni: NetworkInterface, regional: boolean): string {
  const type = interfaceType(eni);
  return regional ? "regional_nat_gateway" : type === "interface" ? NONE : type;
}

/** A regional NAT gateway's place is told by its zone alone, as it is of its own records. */
function nextHopFields(hop: Hop | undefined): Partial<Record<FlowLogField, string>> {
  if (!hop) return {};
  const { eni, zoneId, regional } = hop;
  return {
    ...(regional ? {} : { "next-hop-interface-id": eni.id, "next-hop-subnet-id": eni.subnetId, "next-hop-vpc-id": eni.vpcId }),
    "next-hop-az-id": zoneId,
    "next-hop-interface-type": typeField(eni, regional),
  };
}

/** Special characters are percent-encoded as UTF-8: a value must not look like two fields. */
function tagValue(tags: Tags, key: string): string {
  const value = Object.hasOwn(tags, key) ? tags[key] : undefined;
  return value === undefined || value === "" ? NONE : encodeURIComponent(Buffer.from(value).toString());
}

/** A regional NAT gateway shows the addresses of its packets, its own as the internet sees them. */
function flowFields({ eni, regional, publicIps }: FlowSubject, counted: FlowCount): Partial<Record<FlowLogField, string>> {
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
    type: isIpv6(flow.source) ? "IPv6" : "IPv4",
    "pkt-srcaddr": flow.source,
    "pkt-dstaddr": flow.destination,
    "flow-direction": flow.direction,
    "traffic-path": flow.path === 0 ? NONE : String(flow.path),
    "reject-reason": flow.rejectReason ?? NONE,
  };
}

/** At its own end a record shows the interface's primary address, whatever stands in the packet ("Flow log limitations"). */
function ownAddress(eni: NetworkInterface, address: string): string {
  if (!isIpv6(address)) return primaryPrivateIp(eni) ?? address;
  const own = eni.ipv6Addresses ?? [];
  return own.includes(address) ? address : (own[0] ?? address);
}
