/** What this machine asks for, and gives back, of the ports of NAT gateways' addresses. */

import { NAT_BLOCK_PORTS } from "../contract/overlay.ts";
import type { PortUse } from "../datapath/nat-port-use.ts";
import {
  FIRST_PORT_BLOCK,
  LAST_PORT_BLOCK,
  LEAST_PORT_BLOCKS,
  type NetworkInterface,
  type PortReport,
} from "../model/network-interface.ts";
import type { Realm } from "../model/realm.ts";
import type { RealmReader } from "../model/state.ts";

/** When a destination has more than this of the machine's ports, it asks for as many again. */
const FULL = 0.5;
/** A block is done without when it has been idle for so long; and where other machines find none left. */
const IDLE_MILLISECONDS = 600_000;
const WANTED_MILLISECONDS = 10_000;

export type PortsSaid = { readonly realm: Realm; readonly reports: readonly PortReport[] };

/** What a look found idle: each block's name, and since when. */
export type IdleBlocks = ReadonlyMap<string, number>;

export type PortLook = {
  readonly me: number;
  readonly realms: Iterable<RealmReader>;
  readonly use: readonly PortUse[];
  /** Whether the kernel began no connection in the block any more when the look began. */
  readonly isClosing: (interfaceSlot: number, address: string, block: number) => boolean;
  /** What the look before found. */
  readonly idle: IdleBlocks;
  /** Milliseconds since some moment. */
  readonly now: number;
};

/** What there is to say to the leader, by realm; and what this look found idle. */
export function portNeeds(look: PortLook): {
  readonly said: readonly PortsSaid[];
  readonly idle: IdleBlocks;
} {
  const idle = new Map<string, number>();
  const said = [...look.realms].flatMap(({ realm, reader }) => {
    const isNeeded = (vpcId: string): boolean =>
      reader
        .by("instance", "vpcId", vpcId)
        .some(({ machine, state }) => machine === look.me && state === "running");
    const reports = reader
      .list("nat-gateway")
      .flatMap(({ id }) => reader.by("network-interface", "natGatewayId", id))
      .flatMap((eni) =>
        eni.privateIpAddresses.map((address) =>
          reportOf(look, { eni, address, idle, isNeeded: isNeeded(eni.vpcId) }),
        ),
      )
      .filter(({ more = 0, idle: without = [], closed = [] }) => more + without.length + closed.length > 0);
    return reports.length > 0 ? [{ realm, reports }] : [];
  });
  return { said, idle };
}

type Address = {
  readonly eni: NetworkInterface;
  readonly address: string;
  readonly idle: Map<string, number>;
  readonly isNeeded: boolean;
};

function reportOf(look: PortLook, { eni, address, idle, isNeeded }: Address): PortReport {
  const of = (eni.portBlocks ?? []).filter((one) => one.address === address);
  const own = of.filter(({ machine }) => machine === look.me);
  const use = look.use.find((one) => one.interface === eni.slot && one.address === address);
  const since = new Map<number, number>();
  for (const { block } of own) {
    if (use?.used.has(block)) continue;
    const name = `${eni.id} ${address} ${block}`;
    const from = look.idle.get(name) ?? look.now;
    idle.set(name, from);
    since.set(block, look.now - from);
  }
  const open = own.filter(({ closing }) => !closing);
  // Two looks, for a connection may have been about to begin at the first one.
  const closed = own
    .filter(
      ({ block, closing }) =>
        closing && look.isClosing(eni.slot, address, block) && (since.get(block) ?? 0) > 0,
    )
    .map(({ block }) => block);
  const about = { interfaceId: eni.id, address, closed };
  const most = use?.most ?? 0;
  const isNoneLeft = of.length > LAST_PORT_BLOCK - FIRST_PORT_BLOCK;
  const isFull = open.length === 0 ? isNeeded : most > open.length * NAT_BLOCK_PORTS * FULL;
  if (isFull) return isNoneLeft ? about : { ...about, more: Math.max(1, open.length) };
  const least = isNoneLeft ? 1 : LEAST_PORT_BLOCKS;
  const patience = isNoneLeft ? WANTED_MILLISECONDS : IDLE_MILLISECONDS;
  // What stays has room for four times what there is now.
  const spare = open.length - Math.max(isNeeded ? least : 0, Math.ceil((4 * most) / NAT_BLOCK_PORTS));
  const without = open.filter(({ block }) => (since.get(block) ?? 0) >= patience).map(({ block }) => block);
  return { ...about, idle: without.slice(0, Math.max(0, spare)) };
}
