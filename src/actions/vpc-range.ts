import { type Cidr, cidrContains, cidrOf, cidrsOverlap, formatCidr } from "../lib/cidr.ts";
import { Fault } from "../model/fault.ts";

/** Ways to ask for a VPC's IPv4 block that Genkan does not offer: out of an IPAM pool. */
export const UNOFFERED_BLOCKS = ["Ipv4IpamPoolId", "Ipv4NetmaskLength"] as const;

/** @throws InvalidVpc.Range unless the block is /16 to /28 and of addresses that hosts can have. */
export function requireVpcRange(cidr: Cidr): void {
  if (cidr.length < 16 || cidr.length > 28 || UNUSABLE.some((block) => cidrsOverlap(block, cidr))) {
    throw new Fault("InvalidVpc.Range", `The CIDR '${formatCidr(cidr)}' is invalid.`);
  }
}

/**
 * Which blocks may be added to a VPC depends on its primary block (VPC user guide, "VPC CIDR blocks", the table of
 * restricted associations).
 * @throws InvalidVpc.Range for a restricted one.
 */
export function requireAssociable(primary: Cidr, added: Cidr): void {
  const family = FAMILIES.find(({ blocks }) => blocks.some((block) => cidrContains(block, primary)));
  const restricted = family ? family.restricted : [...RFC_1918, BENCHMARK];
  const more = cidrContains(TEN_FIRST_TWO, primary) ? [TEN_FIRST] : [];
  if ([...restricted, ...more].some((block) => cidrsOverlap(block, added))) {
    throw new Fault(
      "InvalidVpc.Range",
      `The CIDR '${formatCidr(added)}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html.`,
    );
  }
}

/** "This network", loopback, link-local, multicast and reserved (RFC 6890). */
const UNUSABLE = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"].map(cidrOf);

const TEN = cidrOf("10.0.0.0/8");
const TEN_FIRST_TWO = cidrOf("10.0.0.0/15");
const TEN_FIRST = cidrOf("10.0.0.0/16");
const ONE_SEVEN_TWO = cidrOf("172.16.0.0/12");
const DEFAULT_VPC = cidrOf("172.31.0.0/16");
const ONE_NINE_TWO = cidrOf("192.168.0.0/16");
const RFC_1918 = [TEN, ONE_SEVEN_TWO, ONE_NINE_TWO];
const BENCHMARK = cidrOf("198.19.0.0/16");

const FAMILIES: readonly { readonly blocks: readonly Cidr[]; readonly restricted: readonly Cidr[] }[] = [
  { blocks: [TEN], restricted: [ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK] },
  { blocks: [ONE_SEVEN_TWO], restricted: [TEN, ONE_NINE_TWO, DEFAULT_VPC, BENCHMARK] },
  { blocks: [ONE_NINE_TWO], restricted: [TEN, ONE_SEVEN_TWO, BENCHMARK] },
  { blocks: [BENCHMARK], restricted: RFC_1918 },
];
