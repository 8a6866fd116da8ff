import { ALIAS, ALIAS_IPV6, VPC_FLAGS } from "../contract/tables.ts";
import { formatIpv4, formatIpv6, ipv4, ipv6Of, parseIpv4 } from "../lib/address.ts";
import { blockContains, ipv4BlockOf, ipv6BlockOf } from "../lib/block.ts";
import { overAllowance } from "./allowance.ts";
import { isIn } from "./block.ts";
import { drop, type Dropped, type Outcome, pass, type Passed, type Service } from "./outcome.ts";
import { isIpv6Flow, TCP, UDP, UDP_LITE } from "./packet.ts";
import {
  has,
  interfaceAt,
  interfaceEntry,
  type Passage,
  senderOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

const METADATA = "169.254.169.254";
const DNS = "169.254.169.253";
const TIME = "169.254.169.123";
/**
 * The block of the addresses by which the services know interfaces, because VPCs' ranges overlap. Each is
 * made of the interface's slot and the index of the asking address among the interface's own.
 */
const ALIASES = ipv4BlockOf("240.0.0.0/6");
/** Added to the alias when DNS was asked at the VPC's own resolver address. */
const AT_VPC = 2 ** ALIAS.dnsBit;

/**
 * AWS's IPv6 addresses of the services. There, an interface's alias is made of the base, the address's index
 * and the slot.
 */
const IPV6_SERVICES = ipv6BlockOf("fd00:ec2::/32");
const IPV6_METADATA = "fd00:ec2::254";
const IPV6_DNS = "fd00:ec2::253";
const IPV6_TIME = "fd00:ec2::123";
const IPV6_ALIAS_BASE = BigInt(ALIAS_IPV6) << 96n;

const SERVICES: Readonly<Record<string, Service>> = {
  [METADATA]: "metadata",
  [DNS]: "dns",
  [TIME]: "time",
  [IPV6_METADATA]: "metadata",
  [IPV6_DNS]: "dns",
  [IPV6_TIME]: "time",
};

type Served = Dropped | Passed<"service">;

/**
 * Stage services: metadata, DNS and time are reached without asking routes, groups and ACLs. A packet for
 * none of them goes on to the next stages.
 */
export function services(passage: Passage): Outcome<"services"> {
  const { flow } = passage;
  if (isIpv6Flow(flow)) return ipv6Services(passage);
  const sender = senderOf(passage);
  const atVpc = flow.destination === passage.tables.lookup("vpcs", sender.row.vpc)?.dns;
  if (!atVpc && !isIn(flow.destination, "linkLocal")) return pass("no_service", {});
  if (!atVpc && flow.destination !== METADATA && flow.destination !== DNS && flow.destination !== TIME)
    return drop("link_local", {});
  if (flow.headless) return drop("fragment_without_first", {});
  const service =
    atVpc || flow.destination === DNS
      ? dns(passage)
      : flow.destination === TIME
        ? time(passage)
        : metadata(passage);
  if (service.kind === "drop") return service;
  const place = askingPlace(passage, sender.row.private_ip);
  if (place < 0) return notAnswered();
  if (sender.slot >= 2 ** ALIAS.slotBits)
    return drop("tables_incomplete", { missing: "alias", slot: sender.slot });
  const over = overAllowance(passage, sender.slot);
  if (over) return over;
  const source = formatIpv4(
    ipv4(ALIASES.base + (atVpc ? AT_VPC : 0) + place * 2 ** ALIAS.slotBits + sender.slot),
  );
  passage.flow = { ...flow, source, destination: atVpc ? DNS : flow.destination };
  return service;
}

/**
 * Stage services, on the way back: an answer goes to the interface whose alias its destination is, and comes
 * from the address that was asked. Answers of the metadata service go as many hops as the instance's options
 * say.
 */
export function servicesBack(passage: Passage): Outcome<"services"> {
  const { tables, flow } = passage;
  if (isIpv6Flow(flow)) return ipv6ServicesBack(passage);
  const destination = parseIpv4(flow.destination) ?? ipv4(0);
  const alias = destination - ALIASES.base;
  const toVpc = alias >= AT_VPC;
  const isService = flow.source === DNS || ((flow.source === METADATA || flow.source === TIME) && !toVpc);
  if (!isService || !blockContains(ALIASES, destination))
    return drop("no_such_service", { because: "address" });
  const slot = alias % 2 ** ALIAS.slotBits;
  const target = interfaceAt(tables, slot);
  if (!target) return drop("unknown_interface", { interface: slot });
  passage.target = target;
  if (flow.source === METADATA) passage.hopLimit = target.row.hop_limit;
  const place = Math.floor((alias % AT_VPC) / 2 ** ALIAS.slotBits);
  const asked = place === 0 ? target.row.private_ip : addressAt(passage, slot, place, 0);
  if (asked === undefined) return notAnswered();
  translateDestination(passage, asked);
  if (toVpc) {
    const vpc = tables.lookup("vpcs", target.row.vpc);
    if (!vpc) return drop("tables_incomplete", { missing: "vpc", slot: target.row.vpc });
    translateSource(passage, vpc.dns);
  }
  return pass("service", { service: SERVICES[flow.source] ?? "dns", isAnswer: true }, interfaceEntry(target));
}

/** The same stage for AWS's IPv6 addresses of the services. */
function ipv6Services(passage: Passage): ReturnType<typeof services> {
  const { flow, packet } = passage;
  const sender = senderOf(passage);
  if (isIn(flow.destination, "linkLocal") || isIn(flow.source, "linkLocal")) return drop("link_local", {});
  if (!blockContains(IPV6_SERVICES, ipv6Of(flow.destination))) return pass("no_service", {});
  if (flow.headless) return drop("fragment_without_first", {});
  const serve = { [IPV6_METADATA]: metadata, [IPV6_DNS]: dns, [IPV6_TIME]: time }[flow.destination];
  if (!serve) return drop("no_such_service", { because: "address" });
  const service = serve(passage);
  if (service.kind === "drop") return service;
  if (service.params.service === "metadata" && !has(sender, "metadata_ipv6"))
    return drop("metadata_disabled", {});
  const place = askingPlace(passage, sender.row.ipv6);
  if (place < 0) return notAnswered();
  if (packet.fragment) return drop("no_such_service", { because: "fragments" });
  const over = overAllowance(passage, sender.slot);
  if (over) return over;
  passage.flow = {
    ...flow,
    source: formatIpv6(IPV6_ALIAS_BASE + (BigInt(place) << 32n) + BigInt(sender.slot)),
  };
  return service;
}

function ipv6ServicesBack(passage: Passage): Outcome<"services"> {
  const { tables, flow, packet } = passage;
  if (![IPV6_METADATA, IPV6_DNS, IPV6_TIME].includes(flow.source))
    return drop("no_such_service", { because: "address" });
  const isWhole =
    !packet.fragment && (flow.protocol === TCP || flow.protocol === UDP || flow.protocol === UDP_LITE);
  if (!isWhole) return drop("no_such_service", { because: packet.fragment ? "fragments" : "protocol" });
  const alias = ipv6Of(flow.destination) - IPV6_ALIAS_BASE;
  const [slot, place] = [Number(alias & 0xffff_ffffn), Number(alias >> 32n)];
  if (place < 0 || place >= 2 ** ALIAS.placeBits) return drop("no_such_service", { because: "address" });
  const target = interfaceAt(tables, slot);
  if (!target) return drop("unknown_interface", { interface: slot });
  passage.target = target;
  if (flow.source === IPV6_METADATA) passage.hopLimit = target.row.hop_limit;
  const asked = place === 0 ? target.row.ipv6 : addressAt(passage, slot, place, 1);
  if (asked === undefined) return notAnswered();
  passage.flow = { ...flow, destination: asked };
  return pass("service", { service: SERVICES[flow.source] ?? "dns", isAnswer: true }, interfaceEntry(target));
}

/**
 * The index of the asking address among the interface's own, 0 for the primary; -1 when it is not answered.
 */
function askingPlace({ tables, flow, source }: Passage, primary: string): number {
  if (flow.source === primary) return 0;
  const row = tables.lookup("asking_addresses", {
    interface: source?.slot ?? 0,
    ipv6: isIpv6Flow(flow) ? 1 : 0,
  });
  return row?.addresses.indexOf(flow.source, 1) ?? -1;
}

function addressAt({ tables }: Passage, slot: number, place: number, ipv6: 0 | 1): string | undefined {
  const address = tables.lookup("asking_addresses", { interface: slot, ipv6 })?.addresses[place];
  return address === "::" ? undefined : address;
}

/** The drop of an address that is not among the interface's first 31 (ASKING_ADDRESSES of the tables). */
function notAnswered(): Dropped {
  return drop("no_such_service", { because: "asking_address" });
}

function served(service: Service): Served {
  return pass("service", { service, isAnswer: false });
}

function metadata(passage: Passage): Served {
  const { flow } = passage;
  if (flow.protocol !== TCP || flow.destinationPort !== 80)
    return drop("no_such_service", { because: "protocol" });
  if (!has(senderOf(passage), "metadata")) return drop("metadata_disabled", {});
  return served("metadata");
}

function time({ flow }: Passage): Served {
  if (flow.protocol !== UDP || flow.destinationPort !== 123)
    return drop("no_such_service", { because: "protocol" });
  return served("time");
}

function dns(passage: Passage): Served {
  const { tables, flow } = passage;
  if ((flow.protocol !== UDP && flow.protocol !== TCP) || flow.destinationPort !== 53)
    return drop("no_such_service", { because: "protocol" });
  const key = senderOf(passage).row.vpc;
  const vpc = tables.lookup("vpcs", key);
  if (!vpc || !(vpc.flags & VPC_FLAGS.dns_support))
    return drop("dns_disabled", {}, vpc && { table: "vpcs", key, value: vpc });
  return served("dns");
}
