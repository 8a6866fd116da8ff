import { addressOf } from "../lib/address.ts";
import { blockContains, blockOf, blocksOverlap, formatBlock, ipv4BlockOf } from "../lib/block.ts";
import { realmKey } from "./realm.ts";
import { REFERENCES, type Reference } from "./reference.ts";
import { type Kind, KINDS, type Resource, type Resources, SLOTTED } from "./resource.ts";
import type { Reader, RealmReader } from "./state.ts";
import { publicIpsOf } from "./world-shared.ts";

/**
 * What must hold in every state, whoever made it. Returns what is wrong, one line each, with account, region
 * and id; nothing when all is well. `places`: all regions that share public addresses and slots.
 *
 * Actions uphold these rules one by one; this checks the whole state, which may come from a store, an import
 * or another machine.
 */
export function violations(places: readonly RealmReader[]): readonly string[] {
  const inRegions = places.flatMap(({ realm, reader }) =>
    regionViolations(reader).map((words) => `${realmKey(realm)}: ${words}`),
  );
  return [...inRegions, ...sharedTwice(places, slotsIn), ...sharedTwice(places, publicIpsIn)];
}

/** Checks one region, without what regions share. */
function regionViolations(reader: Reader): readonly string[] {
  return KINDS.flatMap((kind) =>
    reader
      .list(kind)
      .flatMap((resource) =>
        [...dangling(reader, resource), ...complaintsAbout(reader, resource)].map(
          (words) => `${resource.id}: ${words}`,
        ),
      ),
  );
}

function dangling(reader: Reader, resource: Resource): readonly string[] {
  const references = (REFERENCES[resource.kind] as (r: Resource) => readonly Reference[])(resource);
  return references.flatMap(({ kind, id, as }) =>
    reader.get(kind, id) ? [] : [`its ${as} ${id} does not exist`],
  );
}

type Check<K extends Kind> = (resource: Resources[K], reader: Reader) => readonly (string | false)[];

function complaintsAbout(reader: Reader, resource: Resource): readonly string[] {
  const check = CHECKS[resource.kind] as Check<Kind> | undefined;
  return check?.(resource, reader).filter((words) => words !== false) ?? [];
}

const CHECKS: { readonly [K in Kind]?: Check<K> } = {
  vpc: (vpc, reader) => [
    reader.by("internet-gateway", "vpcId", vpc.id).length > 1 && "two internet gateways are attached to it",
    reader.get("route-table", vpc.mainRouteTable.routeTableId)?.vpcId !== vpc.id &&
      "its main route table is another VPC's",
    reader.get("network-acl", vpc.defaultNetworkAclId)?.vpcId !== vpc.id &&
      "its default network ACL is another VPC's",
    reader.get("security-group", vpc.defaultSecurityGroupId)?.vpcId !== vpc.id &&
      "its default security group is another VPC's",
    ...vpc.cidrBlocks.map(({ cidrBlock }) => !isCanonical(cidrBlock) && `${cidrBlock} is no canonical block`),
    ...pairs(vpc.cidrBlocks.map(({ cidrBlock }) => cidrBlock)).map(
      ([a, b]) => blocksOverlap(ipv4BlockOf(a), ipv4BlockOf(b)) && `its blocks ${a} and ${b} overlap`,
    ),
  ],
  subnet: (subnet, reader) => {
    const { cidrBlock, vpcId, natGatewayId } = subnet;
    const blocks = reader.get("vpc", vpcId)?.cidrBlocks.map((one) => ipv4BlockOf(one.cidrBlock)) ?? [];
    const others = reader
      .by("subnet", "vpcId", vpcId)
      .filter(({ id, cidrBlock: block }) => id < subnet.id && block !== undefined);
    // The zone subnets of regional NAT gateways have link-local blocks, not the VPC's.
    if (cidrBlock === undefined || natGatewayId !== undefined) return [];
    const own = ipv4BlockOf(cidrBlock);
    return [
      !isCanonical(cidrBlock) && `${cidrBlock} is no canonical block`,
      !blocks.some((block) => blockContains(block, own)) && `${cidrBlock} is not in its VPC`,
      ...others.map(
        (other) =>
          blocksOverlap(ipv4BlockOf(other.cidrBlock ?? ""), own) &&
          `${cidrBlock} overlaps that of ${other.id}`,
      ),
    ];
  },
  "network-interface": (eni, reader) => {
    const subnet = reader.get("subnet", eni.subnetId);
    return [
      subnet !== undefined && subnet.vpcId !== eni.vpcId && `its subnet ${subnet.id} is not in ${eni.vpcId}`,
      ...eni.privateIpAddresses.map(
        (address) =>
          subnet?.cidrBlock !== undefined &&
          !isIn(subnet.cidrBlock, address) &&
          `${address} is not in ${subnet.cidrBlock}`,
      ),
      ...(eni.ipv6Addresses ?? []).map((address) => {
        const block = subnet?.ipv6CidrBlock?.ipv6CidrBlock;
        return block !== undefined && !isIn(block, address) && `${address} is not in ${block}`;
      }),
      ...[...eni.privateIpAddresses, ...(eni.ipv6Addresses ?? [])].map(
        (address) =>
          reader.by("network-interface", "vpcAddress", `${eni.vpcId}/${address}`).length !== 1 &&
          `${address} is another's in the VPC, too`,
      ),
    ];
  },
  address: ({ association }, reader) => {
    const eni = association && reader.get("network-interface", association.networkInterfaceId);
    if (!association || !eni) return [];
    const { privateIpAddress } = association;
    return [
      !eni.privateIpAddresses.includes(privateIpAddress) && `${eni.id} has no address ${privateIpAddress}`,
    ];
  },
  route: ({ id, routeTableId, destination }) => [
    id !== `${routeTableId}|${destination}` && "its id is not its table's and destination's",
  ],
  "internet-gateway": ({ vpcId, routeTableAssociation }, reader) => {
    const table = routeTableAssociation && reader.get("route-table", routeTableAssociation.routeTableId);
    return [table !== undefined && table.vpcId !== vpcId && `its route table ${table.id} is not its VPC's`];
  },
};

/** Values that only one resource of all regions may have, with their holder. */
type Held = { readonly id: string; readonly what: string };

function slotsIn(reader: Reader): readonly Held[] {
  return SLOTTED.flatMap((kind) =>
    reader.list(kind).map(({ id, slot }) => ({ id, what: `the ${kind} slot ${slot}` })),
  );
}

function publicIpsIn(reader: Reader): readonly Held[] {
  return (["address", "network-interface"] as const).flatMap((kind) =>
    reader.list(kind).flatMap((resource) => publicIpsOf(resource).map((what) => ({ id: resource.id, what }))),
  );
}

function sharedTwice(
  places: readonly RealmReader[],
  heldIn: (reader: Reader) => readonly Held[],
): readonly string[] {
  const seen = new Map<string, string>();
  return places.flatMap(({ realm, reader }) =>
    heldIn(reader).flatMap(({ id, what }) => {
      const other = seen.get(what);
      seen.set(what, id);
      return other === undefined ? [] : [`${realmKey(realm)}: ${id}: ${what} is that of ${other}, too`];
    }),
  );
}

function isCanonical(block: string): boolean {
  return formatBlock(ipv4BlockOf(block)) === block;
}

function isIn(block: string, address: string): boolean {
  return blockContains(blockOf(block), addressOf(address));
}

function pairs<T>(all: readonly T[]): readonly (readonly [T, T])[] {
  return all.flatMap((a, i) => all.slice(i + 1).map((b) => [a, b] as const));
}
