import { isIpv6 } from "../lib/ip.ts";
import { FLOW_LOG_FIELDS, type FlowLog, type FlowLogField, fieldsOf } from "../model/flow-log.ts";
import type { Tags } from "../model/common.ts";
import { interfaceType, type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";
import type { FlowCount } from "../plan/flow-count.ts";

/** What a record is about: the interface, and what is known of it when the record is written. */
export type FlowSubject = {
  readonly account: string;
  readonly region: string;
  readonly zoneId: string;
  readonly eni: NetworkInterface;
  readonly instanceTags?: Tags;
};

/** Unix seconds. */
type Span = { readonly start: number; readonly end: number };

/** What is told of an interface: a flow, or that there was none, or that some found no room. */
export type Told = { readonly span: Span } & (
  | { readonly status: "OK"; readonly flow: FlowCount }
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
    ...(told.status === "OK" ? flowFields(subject.eni, told.flow) : {}),
  };
  return fields.map((field) => values[field] || NONE).join(" ");
}

/** The first line of a file: the fields' names. */
export function headerLine(log: FlowLog): string {
  return fieldsOf(log).join(" ");
}

function subjectFields(
  log: FlowLog,
  { account, region, zoneId, eni, instanceTags = {} }: FlowSubject,
): Partial<Record<FlowLogField, string>> {
  const instance = eni.requesterManaged ? undefined : eni.attachment?.instanceId;
  const keys = (type: "instance" | "network-interface"): readonly string[] =>
    log.tagFields?.find(({ resourceType }) => resourceType === type)?.tagKeys ?? [];
  const [instanceKey = "", instanceKey2 = ""] = keys("instance");
  const [interfaceKey = "", interfaceKey2 = ""] = keys("network-interface");
  return {
    "account-id": account,
    "interface-id": eni.id,
    "vpc-id": eni.vpcId,
    "subnet-id": eni.subnetId,
    ...(instance === undefined ? {} : { "instance-id": instance }),
    region,
    "az-id": zoneId,
    "instance-tag": tagValue(instanceTags, instanceKey),
    "instance-tag-2": tagValue(instanceTags, instanceKey2),
    "interface-tag": tagValue(eni.tags, interfaceKey),
    "interface-tag-2": tagValue(eni.tags, interfaceKey2),
    "interface-type": interfaceType(eni),
  };
}

/** A value must not look like two fields. */
function tagValue(tags: Tags, key: string): string {
  return (Object.hasOwn(tags, key) ? tags[key] : undefined)?.replaceAll(/\s/g, "_") || NONE;
}

function flowFields(eni: NetworkInterface, flow: FlowCount): Partial<Record<FlowLogField, string>> {
  const egress = flow.direction === "egress";
  return {
    srcaddr: egress ? ownAddress(eni, flow.source) : flow.source,
    dstaddr: egress ? flow.destination : ownAddress(eni, flow.destination),
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
