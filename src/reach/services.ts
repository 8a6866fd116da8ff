import { VPC_FLAGS } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { TCP, UDP } from "./packet.ts";
import { drop, has, type Outcome, pass, type Passage, senderOf } from "./passage.ts";

const METADATA = "169.254.169.254";
const DNS = "169.254.169.253";

export type Service = "metadata" | "dns";

/** Stage services: metadata and DNS are reached past routes, groups and ACLs. No `service`: it is for the next stages. */
export function services(passage: Passage): Outcome & { readonly service?: Service } {
  const { flow } = passage;
  const sender = senderOf(passage);
  const atVpc = flow.destination === sender.row.dns;
  if (!atVpc && !isIn(flow.destination, "linkLocal")) return pass("not for a service");
  if (!atVpc && flow.destination !== METADATA && flow.destination !== DNS) return drop("link_local", flow.destination);
  if (flow.headless) return drop("fragment_without_first", "no ports");
  const service = flow.destination === METADATA && !atVpc ? metadata(passage) : dns(passage);
  if (service.drop) return service;
  if (flow.source !== sender.row.private_ip) return drop("no_such_service", `only for ${sender.row.private_ip}`);
  return service;
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
