/**
 * Which machine opens a NAT gateway's connections on which ports. A connection is kept on the machine of the
 * instance that began it; so each machine has ports of its own, in blocks, and answers find the way by theirs.
 */

import type { Instance } from "../../model/instance.ts";
import {
  FIRST_PORT_BLOCK,
  LAST_PORT_BLOCK,
  LEAST_PORT_BLOCKS,
  type NetworkInterface,
  type PortBlock,
  type PortReport,
} from "../../model/network-interface.ts";
import type { Change, Tx } from "../../model/state.ts";

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
        given.push(...free(given, { address, machine }, LEAST_PORT_BLOCKS));
  if (given.length !== (eni.portBlocks ?? []).length) tx.put({ ...eni, portBlocks: given });
}

/** Takes back the ports of a machine that is out of the region. */
export function takeBackPorts(tx: Tx, machine: number): void {
  for (const eni of tx.list("network-interface"))
    if (eni.portBlocks?.some((one) => one.machine === machine))
      tx.put({ ...eni, portBlocks: eni.portBlocks.filter((one) => one.machine !== machine) });
}

/**
 * What a machine says of its ports: it gets more as long as there are any, and gives back what it does without.
 * Ports go to another machine only when the former one has said that no connection is on them any more.
 */
export function adjustPorts(tx: Tx, machine: number, reports: readonly PortReport[]): void {
  for (const report of reports) {
    const eni = tx.get("network-interface", report.interfaceId);
    if (!eni?.privateIpAddresses.includes(report.address)) continue;
    const before = eni.portBlocks ?? [];
    const isNoneLeft = free(before, { address: report.address, machine }, 1).length === 0;
    const least = isNoneLeft ? 1 : LEAST_PORT_BLOCKS;
    const needed = machinesIn(tx, eni.vpcId).includes(machine) ? least : 0;
    const portBlocks = adjusted(before, { ...report, machine, needed });
    if (JSON.stringify(portBlocks) !== JSON.stringify(before)) tx.put({ ...eni, portBlocks });
  }
}

type Adjustment = PortReport & { readonly machine: number; readonly needed: number };

function adjusted(
  before: readonly PortBlock[],
  { address, machine, needed, more = 0, idle = [], closed = [] }: Adjustment,
): readonly PortBlock[] {
  const isOwn = (one: PortBlock): boolean => one.address === address && one.machine === machine;
  const kept = before.filter((one) => !(isOwn(one) && one.closing && closed.includes(one.block)));
  if (more > 0) {
    // Its own that are closing are still its own.
    const back = kept.filter((one) => isOwn(one) && one.closing).slice(0, more);
    const opened = kept.map((one) => (back.includes(one) ? { address, block: one.block, machine } : one));
    return [...opened, ...free(opened, { address, machine }, more - back.length)];
  }
  const open = kept.filter((one) => isOwn(one) && !one.closing);
  const without = open.filter(({ block }) => idle.includes(block));
  const leaving = new Set(without.slice(0, Math.max(0, open.length - needed)));
  return kept.map((one) => (leaving.has(one) ? { ...one, closing: true } : one));
}

function free(
  given: readonly PortBlock[],
  { address, machine }: Pick<PortBlock, "address" | "machine">,
  most: number,
): readonly PortBlock[] {
  const taken = new Set(given.flatMap((one) => (one.address === address ? [one.block] : [])));
  const blocks: PortBlock[] = [];
  for (let block = FIRST_PORT_BLOCK; block <= LAST_PORT_BLOCK; block++)
    if (!taken.has(block) && blocks.length < most) blocks.push({ address, block, machine });
  return blocks;
}
