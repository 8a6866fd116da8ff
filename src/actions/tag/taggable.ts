import type { ResourceType } from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import type { Resource } from "../../model/resource.ts";
import type { Reader, Tx } from "../../model/state.ts";
import { requireShowableTags } from "../instance/instance-tag.ts";
import { type NamedKind, notFound } from "../kit/not-found.ts";
import { allVolumes, type AnyVolume, putVolume, volumeOrAbsent } from "../storage/volume.ts";

/** Something that carries tags, whatever its kind. */
export type Tagged = {
  readonly id: string;
  /** What AWS calls the type in DescribeTags. */
  readonly type: ResourceType;
  readonly tags: Tags;
  /** Gives it these tags instead. */
  readonly retag: (tx: Tx, tags: Tags) => void;
};

/** @throws InvalidID for an id of no kind that can be tagged; the kind's own NotFound. */
export function findTagged(tx: Reader, id: string, region: string): Tagged {
  const known = taggedOrAbsent(tx, id, region);
  if (known) return known;
  const kind = kindOf(id);
  throw kind === undefined ? new Fault("InvalidID", `The ID '${id}' is not valid`) : notFound(kind, id);
}

/** The same, or undefined. */
export function taggedOrAbsent(tx: Reader, id: string, region: string): Tagged | undefined {
  const kind = kindOf(id);
  if (kind === undefined) return undefined;
  if (kind === "volume") {
    const volume = volumeOrAbsent(tx, id, region);
    return volume && taggedVolume(volume, region);
  }
  const resource = tx.get(kind, id);
  return resource && tagged(resource, TAGGABLE[kind].type);
}

/** All that could carry tags in the region. */
export function allTagged(tx: Reader, region: string): readonly Tagged[] {
  const resources = KINDS.flatMap((kind) =>
    tx.list(kind).map((resource) => tagged(resource, TAGGABLE[kind].type)),
  );
  return [...resources, ...allVolumes(tx, region).map((volume) => taggedVolume(volume, region))];
}

function tagged(resource: Resource, type: ResourceType): Tagged {
  const retag: Tagged["retag"] = (tx, tags) => {
    if (resource.kind === "instance") requireShowableTags(resource.metadataOptions, tags);
    tx.put({ ...resource, tags });
  };
  return { id: resource.id, type, tags: resource.tags, retag };
}

function taggedVolume(volume: AnyVolume, region: string): Tagged {
  return {
    id: volume.id,
    type: "volume",
    tags: volume.tags,
    retag: (tx, tags) => putVolume(tx, { ...volume, tags }, region),
  };
}

type Taggable = {
  /** The first word of its ids. */
  readonly prefix: string;
  /** What AWS calls the type in DescribeTags. */
  readonly type: ResourceType;
};

/**
 * What can carry tags, in the order in which DescribeTags lists it; volumes, which not all are records, come
 * last.
 */
const TAGGABLE: Readonly<Record<Exclude<NamedKind, "volume">, Taggable>> = {
  vpc: { prefix: "vpc", type: "vpc" },
  subnet: { prefix: "subnet", type: "subnet" },
  snapshot: { prefix: "snap", type: "snapshot" },
  image: { prefix: "ami", type: "image" },
  "subnet-cidr-reservation": { prefix: "scr", type: "subnet-cidr-reservation" },
  "route-table": { prefix: "rtb", type: "route-table" },
  "internet-gateway": { prefix: "igw", type: "internet-gateway" },
  "egress-only-internet-gateway": { prefix: "eigw", type: "egress-only-internet-gateway" },
  address: { prefix: "eipalloc", type: "elastic-ip" },
  "network-interface": { prefix: "eni", type: "network-interface" },
  "security-group": { prefix: "sg", type: "security-group" },
  "security-group-rule": { prefix: "sgr", type: "security-group-rule" },
  "network-acl": { prefix: "acl", type: "network-acl" },
  instance: { prefix: "i", type: "instance" },
  "key-pair": { prefix: "key", type: "key-pair" },
  "flow-log": { prefix: "fl", type: "vpc-flow-log" },
  "vpc-peering-connection": { prefix: "pcx", type: "vpc-peering-connection" },
  "vpc-endpoint": { prefix: "vpce", type: "vpc-endpoint" },
  "public-ipv4-pool": { prefix: "ipv4pool-ec2", type: "ipv4pool-ec2" },
  "vpn-gateway": { prefix: "vgw", type: "vpn-gateway" },
  "customer-gateway": { prefix: "cgw", type: "customer-gateway" },
  "carrier-gateway": { prefix: "cagw", type: "carrier-gateway" },
  "placement-group": { prefix: "pg", type: "placement-group" },
  "prefix-list": { prefix: "pl", type: "prefix-list" },
  "block-public-access-exclusion": { prefix: "vpcbpa", type: "vpc-block-public-access-exclusion" },
  "launch-template": { prefix: "lt", type: "launch-template" },
  "nat-gateway": { prefix: "nat", type: "natgateway" },
  "dhcp-options": { prefix: "dopt", type: "dhcp-options" },
};

const KINDS = Object.keys(TAGGABLE) as readonly (keyof typeof TAGGABLE)[];
const BY_PREFIX = new Map(KINDS.map((kind) => [TAGGABLE[kind].prefix, kind]));

const PREFIX = /^(ipv4pool-ec2|[a-z]+)-/;

function kindOf(id: string): NamedKind | undefined {
  const prefix = PREFIX.exec(id)?.[1] ?? "";
  return prefix === "vol" ? "volume" : BY_PREFIX.get(prefix);
}
