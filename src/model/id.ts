import type { Random } from "../lib/random.ts";

/** The prefix of each kind of AWS id, as in `vpc-0123456789abcdef0`. */
const ID_PREFIX = {
  vpc: "vpc",
  "vpc-cidr-association": "vpc-cidr-assoc",
  subnet: "subnet",
  "subnet-cidr-association": "subnet-cidr-assoc",
  "subnet-cidr-reservation": "scr",
  "route-table": "rtb",
  "route-table-association": "rtbassoc",
  "internet-gateway": "igw",
  address: "eipalloc",
  "address-association": "eipassoc",
  "network-interface": "eni",
  "network-interface-attachment": "eni-attach",
  "security-group": "sg",
  "security-group-rule": "sgr",
  "network-acl": "acl",
  "network-acl-association": "aclassoc",
  instance: "i",
  reservation: "r",
  volume: "vol",
  snapshot: "snap",
  image: "ami",
  "placement-group": "pg",
  "iam-instance-profile-association": "iip-assoc",
  "key-pair": "key",
  "dhcp-options": "dopt",
  "nat-gateway": "nat",
  "egress-only-internet-gateway": "eigw",
  "vpc-peering-connection": "pcx",
  "prefix-list": "pl",
  "vpc-endpoint": "vpce",
  "public-ipv4-pool": "ipv4pool-ec2",
  "vpn-gateway": "vgw",
  "customer-gateway": "cgw",
  "carrier-gateway": "cagw",
  "block-public-access-exclusion": "vpcbpa-exclude",
  "flow-log": "fl",
  "launch-template": "lt",
} as const;

export type IdKind = keyof typeof ID_PREFIX;

/** Makes a new id: the prefix and 17 hexadecimal digits, as AWS does now. */
export function newId(kind: IdKind, random: Random): string {
  return `${ID_PREFIX[kind]}-${random.hex(17)}`;
}

/** Whether the text could be an id of this kind (the prefix and 8 or 17 hexadecimal digits). */
export function isWellFormedId(kind: IdKind, text: string): boolean {
  const prefix = `${ID_PREFIX[kind]}-`;
  return text.startsWith(prefix) && /^([0-9a-f]{8}|[0-9a-f]{17})$/.test(text.slice(prefix.length));
}
