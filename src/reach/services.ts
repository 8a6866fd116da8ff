import { cidrContains, cidrOf } from "../lib/cidr.ts";
import { cidr6Contains, cidr6Of, formatIpv6, parseIpv6 } from "../lib/cidr6.ts";
import { formatIpv4, ipv4, parseIpv4 } from "../lib/ip.ts";
import { VPC_FLAGS } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { isIpv6Flow, TCP, UDP, UDP_LITE } from "./packet.ts";
import {
  drop,
  has,
  interfaceAt,
  interfaceEntry,
  type Outcome,
  pass,
  type Passage,
  senderOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

const METADATA = "169.254.169.254";
const DNS = "169.254.169.253";
/** VPCs' ranges overlap: to the services an interface is the base plus its slot. The second when DNS was asked at the VPC's own address. */
const ALIASES = cidrOf("100.64.0.0/11");
const DNS_ALIASES = cidrOf("100.96.0.0/11");

/** AWS's addresses for IPv6, and what stands for an interface there: the base plus its slot. */
const IPV6_SERVICES = cidr6Of("fd00:ec2::/32");
const IPV6_METADATA = "fd00:ec2::254";
const IPV6_DNS = "fd00:ec2::253";
const IPV6_ALIASES = cidr6Of("fd00:6b67::/96");

export type Service = "metadata" | "dns";

/** Stage services: metadata and DNS are reached past routes, groups and ACLs. No `service`: it is for the next stages. */
export function services(passage: Passage): Outcome & { readonly service?: Service } {
  const { flow } = passage;
  if (isIpv6Flow(flow)) return ipv6Services(passage);
  const sender = senderOf(passage);
  const atVpc = flow.destination === passage.tables.lookup("vpcs", sender.row.vpc)?.dns;
  if (!atVpc && !isIn(flow.destination, "linkLocal")) return pass("not for a service");
  if (!atVpc && flow.destination !== METADATA && flow.destination !== DNS) return drop("link_local", flow.destination);
  if (flow.headless) return drop("fragment_without_first", "no ports");
  const service = flow.destination === METADATA && !atVpc ? metadata(passage) : dns(passage);
  if (service.drop) return service;
  if (flow.source !== sender.row.private_ip) return drop("no_such_service", `only for ${sender.row.private_ip}`);
  const source = formatIpv4(ipv4((atVpc ? DNS_ALIASES : ALIASES).base + sender.slot));
  passage.flow = { ...flow, source, destination: atVpc ? DNS : flow.destination };
  return service;
}

/**
 * Stage services, on the way back: an answer goes to the interface for which its destination stands, and comes from the
 * address that was asked. The metadata's answers go as many hops as the instance's options say.
 */
export function servicesBack(passage: Passage): Outcome {
  const { tables, flow } = passage;
  if (isIpv6Flow(flow)) return ipv6ServicesBack(passage);
  const destination = parseIpv4(flow.destination) ?? ipv4(0);
  const toVpc = cidrContains(DNS_ALIASES, destination);
  const aliases = toVpc ? DNS_ALIASES : ALIASES;
  const isService = flow.source === DNS || (flow.source === METADATA && !toVpc);
  if (!isService || !cidrContains(aliases, destination)) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const slot = destination - aliases.base;
  const target = interfaceAt(tables, slot);
  if (!target) return drop("unknown_interface", `no interface ${slot}`);
  passage.target = target;
  if (flow.source === METADATA) passage.hopLimit = target.row.hop_limit;
  translateDestination(passage, target.row.private_ip);
  if (toVpc) {
    const vpc = tables.lookup("vpcs", target.row.vpc);
    if (!vpc) return drop("tables_incomplete", `no VPC ${target.row.vpc}`);
    translateSource(passage, vpc.dns);
  }
  return pass(`an answer to interface ${slot}`, interfaceEntry(target));
}

/** The same at the addresses that AWS has for IPv6; an interface stands there as its primary address alone. */
function ipv6Services(passage: Passage): Outcome & { readonly service?: Service } {
  const { flow, packet } = passage;
  const sender = senderOf(passage);
  if (isIn(flow.destination, "linkLocal") || isIn(flow.source, "linkLocal")) return drop("link_local", flow.destination);
  if (!cidr6Contains(IPV6_SERVICES, parseIpv6(flow.destination) ?? 0n)) return pass("not for a service");
  if (flow.headless) return drop("fragment_without_first", "no ports");
  if (flow.destination !== IPV6_METADATA && flow.destination !== IPV6_DNS) return drop("no_such_service", flow.destination);
  const service = flow.destination === IPV6_METADATA ? metadata(passage) : dns(passage);
  if (service.drop) return service;
  if (service.service === "metadata" && !has(sender, "metadata_ipv6")) return drop("metadata_disabled", "the instance's metadata options");
  if (flow.source !== sender.row.ipv6) return drop("no_such_service", `only for ${sender.row.ipv6}`);
  if (packet.fragment) return drop("no_such_service", "in fragments");
  passage.flow = { ...flow, source: formatIpv6(IPV6_ALIASES.base + BigInt(sender.slot)) };
  return service;
}

function ipv6ServicesBack(passage: Passage): Outcome {
  const { tables, flow, packet } = passage;
  if (flow.source !== IPV6_METADATA && flow.source !== IPV6_DNS) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const isWhole = !packet.fragment && (flow.protocol === TCP || flow.protocol === UDP || flow.protocol === UDP_LITE);
  if (!isWhole) return drop("no_such_service", `protocol ${flow.protocol}`);
  const slot = (parseIpv6(flow.destination) ?? 0n) - IPV6_ALIASES.base;
  if (slot < 0n || slot > 0xffff_ffffn) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const target = interfaceAt(tables, Number(slot));
  if (!target) return drop("unknown_interface", `no interface ${slot}`);
  passage.target = target;
  if (flow.source === IPV6_METADATA) passage.hopLimit = target.row.hop_limit;
  passage.flow = { ...flow, destination: target.row.ipv6 };
  return pass(`an answer to interface ${slot}`, interfaceEntry(target));
}

function metadata(passage: Passage): Outcome & { readonly service?: Service } {
  const { flow } = passage;
  if (flow.protocol !== TCP || flow.destinationPort !== 80) return drop("no_such_service", "metadata is TCP port 80");
  if (!has(senderOf(passage), "metadata")) return drop("metadata_disabled", "the instance's metadata options");
  return { ...pass("the metadata service"), service: "metadata" };
}

function dns(passage: Passage): Outcome & { readonly service?: Service } {
  const { tables, flow } = passage;
  if ((flow.protocol !== UDP && flow.protocol !== TCP) || flow.destinationPort !== 53) return drop("no_such_service", "DNS is port 53");
  const key = senderOf(passage).row.vpc;
  const vpc = tables.lookup("vpcs", key);
  if (!vpc || !(vpc.flags & VPC_FLAGS.dns_support))
    return drop("dns_disabled", "the VPC's enableDnsSupport", vpc && { table: "vpcs", key, value: vpc });
  return { ...pass("DNS"), service: "dns" };
}
