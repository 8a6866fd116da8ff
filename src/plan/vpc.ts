import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import { entry } from "./entry.ts";
import { type Entry, VPC_FLAGS } from "./tables.ts";

/** Whether a gateway is attached: the first of the three conditions, one word of one row. */
export function vpcEntries(reader: Reader, vpc: Vpc): readonly Entry[] {
  const gateway = reader.by("internet-gateway", "vpcId", vpc.id)[0];
  return [
    entry("vpcs", vpc.slot, { internet_gateway: gateway ? gateway.slot + 1 : 0, flags: vpc.enableDnsSupport ? VPC_FLAGS.dns_support : 0 }),
  ];
}
