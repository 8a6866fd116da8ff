import type { EventFlow, PacketEvent, Verdict } from "../contract/packet-event.ts";
import { DROP_REASONS, type DropReason } from "../contract/stages.ts";
import { type AddressBlock, addressBlock } from "../lib/address-block.ts";
import { BadQuestion } from "../protocol/question.ts";

/** Which packets a client wants to see; an absent member lets all through. */
export type TraceFilter = {
  /**
   * Slots. A packet fits when one of these interfaces sends or receives it, or when its drop is counted for
   * one.
   */
  readonly interfaces?: ReadonlySet<number>;
  /** Source or destination, before or after translation. */
  readonly address?: AddressBlock;
  /** Source or destination port of TCP or UDP. */
  readonly port?: number;
  readonly verdict?: "passed" | "dropped";
  readonly reason?: DropReason;
};

/**
 * The filter in a client's query, without the interfaces: `address`, `port`, `verdict`, `reason`. @throws
 * BadQuestion
 */
export function filterOf(query: Readonly<Record<string, string>>): Omit<TraceFilter, "interfaces"> {
  const { address, port, verdict, reason } = query;
  if (verdict !== undefined && verdict !== "passed" && verdict !== "dropped")
    throw new BadQuestion("--verdict is passed or dropped.");
  if (verdict === "passed" && reason !== undefined)
    throw new BadQuestion("--reason is a drop's: what passed has none.");
  return {
    ...(address === undefined ? {} : { address: blockOf(address) }),
    ...(port === undefined ? {} : { port: wholeNumber("--port", port, 65_535) }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(reason === undefined ? {} : { reason: reasonOf(reason) }),
  };
}

/** @throws BadQuestion when the text is not a whole number from 0 to `most`. */
export function wholeNumber(option: string, text: string, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new BadQuestion(`${option} is a number up to ${most}, not ${text}.`);
  return value;
}

function blockOf(text: string): AddressBlock {
  const block = addressBlock(text);
  if (!block) throw new BadQuestion(`--address is an address or a block, not ${text}.`);
  return block;
}

function reasonOf(text: string): DropReason {
  const reason = DROP_REASONS.find((one) => one === text && one !== "none");
  if (!reason) throw new BadQuestion(`--reason is one of: ${DROP_REASONS.slice(1).join(", ")}.`);
  return reason;
}

const DROPPED: ReadonlySet<Verdict> = new Set(["drop", "error"]);

export function isDropped({ verdict }: Pick<PacketEvent, "verdict">): boolean {
  return DROPPED.has(verdict);
}

export function fits(filter: TraceFilter, event: PacketEvent): boolean {
  if (filter.verdict !== undefined && isDropped(event) !== (filter.verdict === "dropped")) return false;
  if (filter.reason !== undefined && event.reason !== filter.reason) return false;
  if (filter.interfaces && !concerns(filter.interfaces, event)) return false;
  if (filter.port !== undefined && !hasPort(event.flow, filter.port)) return false;
  return filter.address === undefined || hasAddress(event.flow, filter.address);
}

function concerns(interfaces: ReadonlySet<number>, { ingress, target, charge }: PacketEvent): boolean {
  return interfaces.has(ingress) || interfaces.has(target) || interfaces.has(charge);
}

const TCP = 6;
const UDP = 17;

function hasPort(flow: EventFlow | undefined, port: number): boolean {
  if (!flow?.ports || (flow.protocol !== TCP && flow.protocol !== UDP)) return false;
  return flow.ports.source === port || flow.ports.destination === port;
}

function hasAddress(flow: EventFlow | undefined, block: AddressBlock): boolean {
  return (
    flow !== undefined && [flow.source, flow.destination, flow.sourceAfter, flow.destinationAfter].some(block)
  );
}
