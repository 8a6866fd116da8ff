import { blockContains, blocksOverlap, formatBlock, type Ipv4Block, ipv4BlockOf } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";

/** Ways to ask for a VPC's IPv4 block that Genkan does not offer: out of an IPAM pool. */
export const UNOFFERED_BLOCKS = ["Ipv4IpamPoolId", "Ipv4NetmaskLength"] as const;

/** @throws InvalidVpc.Range unless the block is /16 to /28 and of addresses that hosts can have. */
export function requireVpcRange(cidr: Ipv4Block): void {
  if (cidr.length < 16 || cidr.length > 28 || UNUSABLE.some((block) => blocksOverlap(block, cidr))) {
    throw new Fault("InvalidVpc.Range", `The CIDR '${formatBlock(cidr)}' is invalid.`);
  }
}

/**
 * Which blocks may be added to a VPC depends on its primary block (VPC user guide, "VPC CIDR blocks", the
 * table of restricted associations).
 * @throws InvalidVpc.Range for a restricted one.
 */
export function requireAssociable(primary: Ipv4Block, added: Ipv4Block): void {
  const family = FAMILIES.find(({ blocks }) => blocks.some((block) => blockContains(block, primary)));
  const restricted = family ? family.restricted : [...RFC_1918, BENCHMARK];
  const more = blockContains(TEN_FIRST_TWO, primary) ? [TEN_FIRST] : [];
  if ([...restricted, ...more].some((block) => blocksOverlap(block, added))) {
    throw new Fault(
      "InvalidVpc.Range",
      `The CIDR '${formatBlock(added)}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html.`,
    );
  }
}

/** "This network", loopback, link-local, multicast and reserved (RFC 6890). */
const UNUSABLE = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"].map(
  ipv4BlockOf,
);

const TEN = ipv4BlockOf("10.0.0.0/8");
const TEN_FIRST_TWO = ipv4BlockOf("10.0.0.0/15");
const TEN_FIRST = ipv4BlockOf("10.0.0.0/16");
const ONE_SEVEN_TWO = ipv4BlockOf("172.16.0.0/12");
const DEFAULT_VPC = ipv4BlockOf("172.31.0.0/16");
const ONE_NINE_TWO = ipv4BlockOf("192.168.0.0/16");
const RFC_1918 = [TEN, ONE_SEVEN_TWO, ONE_NINE_TWO];
const BENCHMARK = ipv4BlockOf("198.19.0.0/16");

const FAMILIES: readonly {
  readonly blocks: readonly Ipv4Block[];
  readonly restricted: readonly Ipv4Block[];
}[] = [
  { blocks: [TEN], restricted: [ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK] },
  { blocks: [ONE_SEVEN_TWO], restricted: [TEN, ONE_NINE_TWO, DEFAULT_VPC, BENCHMARK] },
  { blocks: [ONE_NINE_TWO], restricted: [TEN, ONE_SEVEN_TWO, BENCHMARK] },
  { blocks: [BENCHMARK], restricted: RFC_1918 },
];
