import { cidrContains, cidrOf } from "../lib/cidr.ts";
import { cidr6Contains, cidr6Of, formatIpv6, parseIpv6 } from "../lib/cidr6.ts";
import { formatIpv4, ipv4, parseIpv4 } from "../lib/ip.ts";
import { ALIAS, ASKING_ADDRESSES, VPC_FLAGS } from "../plan/tables.ts";
import { overAllowance } from "./allowance.ts";
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
const TIME = "169.254.169.123";
/** VPCs' ranges overlap: to the services an interface's address is one of these, by its slot and its place among the interface's own. */
const ALIASES = cidrOf("240.0.0.0/6");
/** Added when DNS was asked at the VPC's own address. */
const AT_VPC = 2 ** ALIAS.dnsBit;

/** AWS's addresses for IPv6, and what stands for an interface's address there: the base, its place, the slot. */
const IPV6_SERVICES = cidr6Of("fd00:ec2::/32");
const IPV6_METADATA = "fd00:ec2::254";
const IPV6_DNS = "fd00:ec2::253";
const IPV6_TIME = "fd00:ec2::123";
const IPV6_ALIASES = cidr6Of("fd00:6b67::/64");

export type Service = "metadata" | "dns" | "time";
type Served = Outcome & { readonly service?: Service };

/** Stage services: metadata, DNS and time are reached past routes, groups and ACLs. No `service`: it is for the next stages. */
export function services(passage: Passage): Served {
  const { flow } = passage;
  if (isIpv6Flow(flow)) return ipv6Services(passage);
  const sender = senderOf(passage);
  const atVpc = flow.destination === passage.tables.lookup("vpcs", sender.row.vpc)?.dns;
  if (!atVpc && !isIn(flow.destination, "linkLocal")) return pass("not for a service");
  if (!atVpc && flow.destination !== METADATA && flow.destination !== DNS && flow.destination !== TIME)
    return drop("link_local", flow.destination);
  if (flow.headless) return drop("fragment_without_first", "no ports");
  const service = atVpc || flow.destination === DNS ? dns(passage) : flow.destination === TIME ? time(passage) : metadata(passage);
  if (service.drop) return service;
  const place = askingPlace(passage, sender.row.private_ip);
  if (place < 0) return notAnswered(flow.source);
  if (sender.slot >= 2 ** ALIAS.slotBits) return drop("tables_incomplete", `no alias for interface ${sender.slot}`);
  const over = overAllowance(passage, sender.slot);
  if (over) return over;
  const source = formatIpv4(ipv4(ALIASES.base + (atVpc ? AT_VPC : 0) + place * 2 ** ALIAS.slotBits + sender.slot));
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
  const alias = destination - ALIASES.base;
  const toVpc = alias >= AT_VPC;
  const isService = flow.source === DNS || ((flow.source === METADATA || flow.source === TIME) && !toVpc);
  if (!isService || !cidrContains(ALIASES, destination)) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const slot = alias % 2 ** ALIAS.slotBits;
  const target = interfaceAt(tables, slot);
  if (!target) return drop("unknown_interface", `no interface ${slot}`);
  passage.target = target;
  if (flow.source === METADATA) passage.hopLimit = target.row.hop_limit;
  const place = Math.floor((alias % AT_VPC) / 2 ** ALIAS.slotBits);
  const asked = place === 0 ? target.row.private_ip : addressAt(passage, slot, place, 0);
  if (asked === undefined) return notAnswered(flow.destination);
  translateDestination(passage, asked);
  if (toVpc) {
    const vpc = tables.lookup("vpcs", target.row.vpc);
    if (!vpc) return drop("tables_incomplete", `no VPC ${target.row.vpc}`);
    translateSource(passage, vpc.dns);
  }
  return pass(`an answer to interface ${slot}`, interfaceEntry(target));
}

/** The same at the addresses that AWS has for IPv6. */
function ipv6Services(passage: Passage): Served {
  const { flow, packet } = passage;
  const sender = senderOf(passage);
  if (isIn(flow.destination, "linkLocal") || isIn(flow.source, "linkLocal")) return drop("link_local", flow.destination);
  if (!cidr6Contains(IPV6_SERVICES, parseIpv6(flow.destination) ?? 0n)) return pass("not for a service");
  if (flow.headless) return drop("fragment_without_first", "no ports");
  const serve = { [IPV6_METADATA]: metadata, [IPV6_DNS]: dns, [IPV6_TIME]: time }[flow.destination];
  if (!serve) return drop("no_such_service", flow.destination);
  const service = serve(passage);
  if (service.drop) return service;
  if (service.service === "metadata" && !has(sender, "metadata_ipv6")) return drop("metadata_disabled", "the instance's metadata options");
  const place = askingPlace(passage, sender.row.ipv6);
  if (place < 0) return notAnswered(flow.source);
  if (packet.fragment) return drop("no_such_service", "in fragments");
  const over = overAllowance(passage, sender.slot);
  if (over) return over;
  passage.flow = { ...flow, source: formatIpv6(IPV6_ALIASES.base + (BigInt(place) << 32n) + BigInt(sender.slot)) };
  return service;
}

function ipv6ServicesBack(passage: Passage): Outcome {
  const { tables, flow, packet } = passage;
  if (![IPV6_METADATA, IPV6_DNS, IPV6_TIME].includes(flow.source)) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const isWhole = !packet.fragment && (flow.protocol === TCP || flow.protocol === UDP || flow.protocol === UDP_LITE);
  if (!isWhole) return drop("no_such_service", `protocol ${flow.protocol}`);
  const alias = (parseIpv6(flow.destination) ?? 0n) - IPV6_ALIASES.base;
  const [slot, place] = [Number(alias & 0xffff_ffffn), Number(alias >> 32n)];
  if (place < 0 || place >= 2 ** ALIAS.placeBits) return drop("no_such_service", `${flow.source} to ${flow.destination}`);
  const target = interfaceAt(tables, slot);
  if (!target) return drop("unknown_interface", `no interface ${slot}`);
  passage.target = target;
  if (flow.source === IPV6_METADATA) passage.hopLimit = target.row.hop_limit;
  const asked = place === 0 ? target.row.ipv6 : addressAt(passage, slot, place, 1);
  if (asked === undefined) return notAnswered(flow.destination);
  passage.flow = { ...flow, destination: asked };
  return pass(`an answer to interface ${slot}`, interfaceEntry(target));
}

/** Which of the interface's addresses asks, 0 the primary one; -1: none that is answered. */
function askingPlace({ tables, flow, source }: Passage, primary: string): number {
  if (flow.source === primary) return 0;
  const row = tables.lookup("asking_addresses", { interface: source?.slot ?? 0, ipv6: isIpv6Flow(flow) ? 1 : 0 });
  return row?.addresses.indexOf(flow.source, 1) ?? -1;
}

function addressAt({ tables }: Passage, slot: number, place: number, ipv6: 0 | 1): string | undefined {
  const address = tables.lookup("asking_addresses", { interface: slot, ipv6 })?.addresses[place];
  return address === "::" ? undefined : address;
}

function notAnswered(address: string): Outcome {
  return drop("no_such_service", `${address} is none of the interface's first ${ASKING_ADDRESSES} addresses`);
}

function metadata(passage: Passage): Served {
  const { flow } = passage;
  if (flow.protocol !== TCP || flow.destinationPort !== 80) return drop("no_such_service", "metadata is TCP port 80");
  if (!has(senderOf(passage), "metadata")) return drop("metadata_disabled", "the instance's metadata options");
  return { ...pass("the metadata service"), service: "metadata" };
}

function time({ flow }: Passage): Served {
  if (flow.protocol !== UDP || flow.destinationPort !== 123) return drop("no_such_service", "time is UDP port 123");
  return { ...pass("time"), service: "time" };
}

function dns(passage: Passage): Served {
  const { tables, flow } = passage;
  if ((flow.protocol !== UDP && flow.protocol !== TCP) || flow.destinationPort !== 53) return drop("no_such_service", "DNS is port 53");
  const key = senderOf(passage).row.vpc;
  const vpc = tables.lookup("vpcs", key);
  if (!vpc || !(vpc.flags & VPC_FLAGS.dns_support))
    return drop("dns_disabled", "the VPC's enableDnsSupport", vpc && { table: "vpcs", key, value: vpc });
  return { ...pass("DNS"), service: "dns" };
}
