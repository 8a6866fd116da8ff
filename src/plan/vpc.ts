import { assert } from "../lib/assert.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import { isLogged } from "./flow-log.ts";
import { type Entry, VPC_FLAGS } from "./tables.ts";

/** A VPC's row: which gateway is attached to it, the first of the three conditions. */
export function vpcRows(reader: Reader, vpc: Vpc): readonly Entry[] {
  const gateways = reader.by("internet-gateway", "vpcId", vpc.id);
  assert(gateways.length <= 1, `${vpc.id} has one gateway at most`);
  const gateway = gateways[0];
  return [
    {
      table: "vpcs",
      key: vpc.slot,
      value: { internet_gateway: gateway ? gateway.slot + 1 : 0, flags: flagsOf(reader, vpc) },
    },
  ];
}

function flagsOf(reader: Reader, vpc: Vpc): number {
  return (vpc.enableDnsSupport ? VPC_FLAGS.dns_support : 0) | (isLogged(reader, vpc) ? VPC_FLAGS.flow_log : 0);
}
