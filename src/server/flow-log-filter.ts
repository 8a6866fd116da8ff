import { type AddressBlock, addressBlock } from "../lib/address-block.ts";
import { BadQuestion } from "./internal.ts";
import { wholeNumber } from "./trace-filter.ts";

/** A record as it is told: its line, and its fields by name. */
export type FlowLine = {
  readonly kind: "record";
  readonly log: string;
  readonly line: string;
  readonly fields: Readonly<Record<string, string>>;
};

/** Which records somebody wants to see; what is absent lets all through. */
export type FlowFilter = {
  readonly log?: string;
  /** Ids of an instance and its interfaces. */
  readonly ids?: ReadonlySet<string>;
  readonly address?: AddressBlock;
  readonly port?: string;
  readonly action?: "ACCEPT" | "REJECT";
};

/** What a client asks for besides the instance: `log`, `address`, `port`, `action`. @throws BadQuestion */
export function flowFilterOf({ log, address, port, action }: Readonly<Record<string, string>>): Omit<FlowFilter, "ids"> {
  if (action !== undefined && action !== "accept" && action !== "reject") throw new BadQuestion("--action is accept or reject.");
  if (log !== undefined && !/^fl-[0-9a-f]+$/.test(log)) throw new BadQuestion(`--log is a flow log's id, not ${log}.`);
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

/** A record without the field that is asked for does not fit. */
export function flowFits({ log, ids, address, port, action }: FlowFilter, line: FlowLine): boolean {
  const { fields } = line;
  if (log !== undefined && line.log !== log) return false;
  if (ids && ![fields["interface-id"], fields["instance-id"]].some((id) => id !== undefined && ids.has(id))) return false;
  if (port !== undefined && fields["srcport"] !== port && fields["dstport"] !== port) return false;
  if (action !== undefined && fields["action"] !== action) return false;
  return address === undefined || ADDRESSES.some((field) => address(fields[field] ?? ""));
}
