import { parseAddress } from "./address.ts";
import { type Block, blockContains, parseBlock } from "./block.ts";

/** Addresses of one family, as a test of an address in text. */
export type AddressBlock = (address: string) => boolean;

/** The block of an address or a block in text, IPv4 or IPv6; undefined when the text is neither. */
export function addressBlock(text: string): AddressBlock | undefined {
  const one = parseAddress(text);
  const block =
    one === undefined ? parseBlock(text) : { base: one, length: typeof one === "number" ? 32 : 128 };
  return (
    block &&
    ((address) => {
      const number = parseAddress(address);
      return number !== undefined && blockContains(block as Block, number);
    })
  );
}
