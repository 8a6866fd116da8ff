import { present } from "../lib/assert.ts";
import { cidrContains, cidrSize, parseCidr } from "../lib/cidr.ts";
import { formatIpv4, ipv4, parseIpv4 } from "../lib/ip.ts";
import { type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { entry } from "./entry.ts";
import { type Entry, INTERFACE_FLAGS } from "./tables.ts";

const NONE = "0.0.0.0";

/** The interface's own row, one for each of its private addresses, and one for each public address mapped to it. */
export function networkInterfaceEntries(reader: Reader, eni: NetworkInterface, pools: readonly string[]): readonly Entry[] {
  const publicIps = publicIpsOf(reader, eni);
  const vpc = present(reader.get("vpc", eni.vpcId), eni.vpcId);
  return [
    interfaceEntry(reader, eni, publicIps),
    ...eni.privateIpAddresses.map((address) =>
      entry("addresses", { vpc: vpc.slot, address }, { interface: eni.slot, public_ip: publicIps.get(address) ?? NONE }),
    ),
    ...[...publicIps].flatMap(([private_ip, publicIp]) => {
      const place = poolPlace(publicIp, pools);
      return place === undefined ? [] : [entry("public_addresses", place, { interface: eni.slot, private_ip })];
    }),
  ];
}

function interfaceEntry(reader: Reader, eni: NetworkInterface, publicIps: ReadonlyMap<string, string>): Entry {
  const vpc = present(reader.get("vpc", eni.vpcId), eni.vpcId);
  const block = present(parseCidr(vpc.cidrBlocks[0]?.cidrBlock ?? ""), `the block of ${vpc.id}`);
  const instance = eni.attachment ? reader.get("instance", eni.attachment.instanceId) : undefined;
  const primary = primaryPrivateIp(eni);
  const flags =
    INTERFACE_FLAGS.present |
    (instance?.state === "running" || instance?.state === "pending" ? INTERFACE_FLAGS.up : 0) |
    (eni.sourceDestCheck ? INTERFACE_FLAGS.source_dest_check : 0) |
    (eni.privateIpAddresses.length > 1 ? INTERFACE_FLAGS.secondary_addresses : 0) |
    (instance?.metadataOptions.httpEndpoint === "enabled" ? INTERFACE_FLAGS.metadata : 0);
  return entry("interfaces", eni.slot, {
    flags,
    vpc: vpc.slot,
    subnet: present(reader.get("subnet", eni.subnetId), eni.subnetId).slot,
    private_ip: primary,
    public_ip: publicIps.get(primary) ?? NONE,
    dns: formatIpv4(ipv4(block.base + 2)),
    mac: eni.macAddress,
    group_count: eni.groupIds.length,
    hop_limit: instance?.metadataOptions.httpPutResponseHopLimit ?? 1,
    groups: eni.groupIds.map((id) => present(reader.get("security-group", id), id).slot),
  });
}

/** Public address by private address: Elastic IPs, and the auto-assigned one for the primary. */
function publicIpsOf(reader: Reader, eni: NetworkInterface): ReadonlyMap<string, string> {
  const elastic = reader
    .by("address", "networkInterfaceId", eni.id)
    .flatMap(({ association, publicIp }) => (association ? [[association.privateIpAddress, publicIp] as const] : []));
  const auto = eni.autoPublicIp === undefined ? [] : [[primaryPrivateIp(eni), eni.autoPublicIp] as const];
  return new Map([...auto, ...elastic]);
}

/** An address's place among all addresses of the pools, in order; undefined when it lies in none. */
export function poolPlace(address: string, pools: readonly string[]): number | undefined {
  const ip = present(parseIpv4(address), `the address ${address}`);
  let first = 0;
  for (const pool of pools) {
    const cidr = present(parseCidr(pool), `the pool ${pool}`);
    if (cidrContains(cidr, ip)) return first + ip - cidr.base;
    first += cidrSize(cidr);
  }
  return undefined;
}
