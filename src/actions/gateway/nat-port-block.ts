/**
 * Which machine opens a NAT gateway's connections on which ports. A connection is kept on the machine of the
 * instance that began it; so each machine has ports of its own, in blocks, and answers find the way by theirs.
 */

import type { Instance } from "../../model/instance.ts";
import {
  FIRST_PORT_BLOCK,
  LAST_PORT_BLOCK,
  type NetworkInterface,
  type PortBlock,
} from "../../model/network-interface.ts";
import type { Change, Tx } from "../../model/state.ts";

/** What a machine has at once of each address; what it may ask for later comes in the same pieces. */
const BLOCKS_AT_ONCE = 4;

/**
 * Gives ports to the machines for which a change in the state is the first reason to have any: of instances
 * that came to a machine, and of NAT gateways' new addresses. Takes back those of addresses that are gone.
 */
export function sharePorts(tx: Tx, changes: readonly Change[]): void {
  for (const { kind, before, after } of changes) {
    if (after?.kind === "instance") cameTo(tx, before as Instance | undefined, after);
    if (kind === "network-interface" && after?.kind === kind && after.natGatewayId !== undefined)
      hold(tx, after, machinesIn(tx, after.vpcId));
  }
}

function cameTo(tx: Tx, before: Instance | undefined, { vpcId, machine }: Instance): void {
  if (machine === undefined || before?.machine === machine) return;
  for (const gateway of tx.by("nat-gateway", "vpcId", vpcId))
    for (const eni of tx.by("network-interface", "natGatewayId", gateway.id)) hold(tx, eni, [machine]);
}

function machinesIn(tx: Tx, vpcId: string): readonly number[] {
  const found = tx
    .by("instance", "vpcId", vpcId)
    .flatMap(({ machine, state }) => (machine === undefined || state === "terminated" ? [] : [machine]));
  return [...new Set(found)].toSorted((a, b) => a - b);
}

/** Every machine has some of every address, as long as there are any. */
function hold(tx: Tx, eni: NetworkInterface, machines: readonly number[]): void {
  const blocks = (eni.portBlocks ?? []).filter(({ address }) => eni.privateIpAddresses.includes(address));
  const given = [...blocks];
  for (const address of eni.privateIpAddresses)
    for (const machine of machines)
      if (!given.some((block) => block.address === address && block.machine === machine))
        given.push(...free(given, address, machine));
  if (given.length !== (eni.portBlocks ?? []).length) tx.put({ ...eni, portBlocks: given });
}

function free(given: readonly PortBlock[], address: string, machine: number): readonly PortBlock[] {
  const taken = new Set(given.flatMap((one) => (one.address === address ? [one.block] : [])));
  const blocks: PortBlock[] = [];
  for (let block = FIRST_PORT_BLOCK; block <= LAST_PORT_BLOCK; block++)
    if (!taken.has(block) && blocks.length < BLOCKS_AT_ONCE) blocks.push({ address, block, machine });
  return blocks;
}
