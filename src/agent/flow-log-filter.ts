import { type AddressBlock, addressBlock } from "../lib/address-block.ts";
import type { FlowLine } from "../protocol/flows.ts";
import { BadQuestion } from "../protocol/question.ts";
import { wholeNumber } from "./trace-filter.ts";

/** Which records a client wants to see; an absent member lets all through. */
export type FlowFilter = {
  readonly log?: string;
  /** The ids of an instance and of its interfaces. */
  readonly ids?: ReadonlySet<string>;
  readonly address?: AddressBlock;
  readonly port?: string;
  readonly action?: "ACCEPT" | "REJECT";
};

/**
 * The filter in a client's query, without the instance: `log`, `address`, `port`, `action`. @throws
 * BadQuestion
 */
export function flowFilterOf({
  log,
  address,
  port,
  action,
}: Readonly<Record<string, string>>): Omit<FlowFilter, "ids"> {
  if (action !== undefined && action !== "accept" && action !== "reject")
    throw new BadQuestion("--action is accept or reject.");
  if (log !== undefined && !/^fl-[0-9a-f]+$/.test(log))
    throw new BadQuestion(`--log is a flow log's id, not ${log}.`);
  return {
    ...(log === undefined ? {} : { log }),
    ...(address === undefined ? {} : { address: addressOf(address) }),
    ...(port === undefined ? {} : { port: String(wholeNumber("--port", port, 65_535)) }),
    ...(action === undefined ? {} : { action: action === "accept" ? "ACCEPT" : "REJECT" }),
  };
}

function addressOf(text: string): AddressBlock {
  const block = addressBlock(text);
  if (!block) throw new BadQuestion(`--address is an address or a block, not ${text}.`);
  return block;
}

const ADDRESSES = ["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"];

/** A record that lacks the field in question does not fit. */
export function flowFits({ log, ids, address, port, action }: FlowFilter, line: FlowLine): boolean {
  const { fields } = line;
  if (log !== undefined && line.log !== log) return false;
  if (ids && ![fields["interface-id"], fields["instance-id"]].some((id) => id !== undefined && ids.has(id)))
    return false;
  if (port !== undefined && fields["srcport"] !== port && fields["dstport"] !== port) return false;
  if (action !== undefined && fields["action"] !== action) return false;
  return address === undefined || ADDRESSES.some((field) => address(fields[field] ?? ""));
}
