import { NO_POOL, type Pool, poolIndex } from "../contract/pool.ts";
import {
  ASKING_ADDRESSES,
  type Entry,
  INTERFACE_FLAGS,
  MAX_ASKING_ADDRESSES,
  MAX_GROUPS_PER_INTERFACE,
  type StructValue,
} from "../contract/tables.ts";
import { assert, present } from "../lib/assert.ts";
import type { Instance } from "../model/instance.ts";
import {
  DEFAULT_CONNECTION_TRACKING,
  type NetworkInterface,
  primaryPrivateIp,
} from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { isInterfaceLogged } from "./flow-log.ts";
import { natGatewayRows } from "./nat-gateway.ts";

const NO_ADDRESS = "0.0.0.0";
const NO_IPV6 = "::";

/**
 * An interface's rows: its own, its private addresses', and those of the public addresses mapped to them (the
 * third condition).
 */
export function networkInterfaceRows(
  reader: Reader,
  eni: NetworkInterface,
  pools: readonly Pool[],
): readonly Entry[] {
  const vpc = present(reader.get("vpc", eni.vpcId), `${eni.vpcId} of ${eni.id}`);
  const publicIps = publicIpsOf(reader, eni, pools);
  const rows: Entry[] = [
    { table: "interfaces", key: eni.slot, value: interfaceValue(reader, eni, publicIps) },
    ...natGatewayRows(reader, eni),
    ...idleTimeoutRows(eni),
  ];
  for (const address of eni.privateIpAddresses) {
    const publicIp = publicIps.get(address) ?? NO_ADDRESS;
    rows.push({
      table: "addresses",
      key: { vpc: vpc.slot, address },
      value: { interface: eni.slot, public_ip: publicIp },
    });
    if (publicIp !== NO_ADDRESS)
      rows.push({
        table: "public_addresses",
        key: poolIndex(pools, publicIp),
        value: { interface: eni.slot, private_ip: address },
      });
  }
  for (const address of eni.ipv6Addresses ?? [])
    rows.push({
      table: "addresses",
      key: { vpc: vpc.slot, address },
      value: { interface: eni.slot, public_ip: NO_ADDRESS },
    });
  return [...rows, ...askingAddresses(eni)];
}

/** A row only for an interface that has more than its primary address. */
function askingAddresses(eni: NetworkInterface): readonly Entry[] {
  return [eni.privateIpAddresses, eni.ipv6Addresses ?? []].flatMap((own, ipv6): Entry[] => {
    if (own.length < 2) return [];
    const addresses = own.slice(0, ASKING_ADDRESSES);
    const padded = Array.from({ length: MAX_ASKING_ADDRESSES }, (_, index) => addresses[index] ?? NO_IPV6);
    return [{ table: "asking_addresses", key: { interface: eni.slot, ipv6 }, value: { addresses: padded } }];
  });
}

function idleTimeoutRows(eni: NetworkInterface): readonly Entry[] {
  if (!eni.connectionTracking) return [];
  const { tcpEstablishedTimeout, udpTimeout, udpStreamTimeout } = {
    ...DEFAULT_CONNECTION_TRACKING,
    ...eni.connectionTracking,
  };
  const value = { tcp_established: tcpEstablishedTimeout, udp: udpTimeout, udp_stream: udpStreamTimeout };
  return [{ table: "idle_timeouts", key: { interface: eni.slot }, value }];
}

/**
 * Public addresses by private ones. Left out: addresses that are in no pool any more, or in a range that is
 * not advertised, since answers to them would not come back.
 */
function publicIpsOf(
  reader: Reader,
  eni: NetworkInterface,
  pools: readonly Pool[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const primary = primaryPrivateIp(eni);
  if (eni.autoPublicIp !== undefined && primary !== undefined) found.set(primary, eni.autoPublicIp);
  for (const { association, publicIp, pool } of reader.by("address", "networkInterfaceId", eni.id)) {
    const isReachable = pool === undefined || reader.get("public-ipv4-pool", pool)?.advertised === true;
    if (association && isReachable) found.set(association.privateIpAddress, publicIp);
  }
  for (const [privateIp, publicIp] of found)
    if (poolIndex(pools, publicIp) === NO_POOL) found.delete(privateIp);
  return found;
}

function interfaceValue(
  reader: Reader,
  eni: NetworkInterface,
  publicIps: ReadonlyMap<string, string>,
): StructValue<"interface"> {
  const vpc = present(reader.get("vpc", eni.vpcId), `${eni.vpcId} of ${eni.id}`);
  const subnet = present(reader.get("subnet", eni.subnetId), `${eni.subnetId} of ${eni.id}`);
  const instance = eni.attachment && reader.get("instance", eni.attachment.instanceId);
  const primary = primaryPrivateIp(eni) ?? NO_ADDRESS;
  assert(
    eni.groupIds.length <= MAX_GROUPS_PER_INTERFACE,
    `${eni.id} has at most ${MAX_GROUPS_PER_INTERFACE} groups`,
  );
  const groups = eni.groupIds.map(
    (id) => present(reader.get("security-group", id), `${id} of ${eni.id}`).slot,
  );
  return {
    flags: flagsOf(eni, instance) | (isInterfaceLogged(reader, eni) ? INTERFACE_FLAGS.flow_log : 0),
    vpc: vpc.slot,
    subnet: subnet.slot,
    private_ip: primary,
    public_ip: publicIps.get(primary) ?? NO_ADDRESS,
    machine: instance?.machine ?? 0,
    ipv6: eni.ipv6Addresses?.[0] ?? NO_IPV6,
    mac: eni.macAddress,
    group_count: groups.length,
    hop_limit: instance?.metadataOptions.httpPutResponseHopLimit ?? 0,
    groups: Array.from({ length: MAX_GROUPS_PER_INTERFACE }, (_, index) => groups[index] ?? 0),
  };
}

function flagsOf(eni: NetworkInterface, instance: Instance | undefined): number {
  let flags: number = INTERFACE_FLAGS.present;
  if (eni.natGatewayId !== undefined) flags |= INTERFACE_FLAGS.nat_gateway | INTERFACE_FLAGS.up;
  if (eni.vpcEndpointId !== undefined) flags |= INTERFACE_FLAGS.endpoint;
  if (instance && isUp(instance)) flags |= INTERFACE_FLAGS.up;
  if (eni.connectionTracking) flags |= INTERFACE_FLAGS.idle_timeouts;
  if (eni.sourceDestCheck) flags |= INTERFACE_FLAGS.source_dest_check;
  if (eni.privateIpAddresses.length > 1) flags |= INTERFACE_FLAGS.secondary_addresses;
  if (instance?.metadataOptions.httpEndpoint === "enabled") flags |= INTERFACE_FLAGS.metadata;
  if (instance?.metadataOptions.httpProtocolIpv6 === "enabled") flags |= INTERFACE_FLAGS.metadata_ipv6;
  return flags;
}

/** A pending instance is up as well: it needs its metadata to boot. */
function isUp(instance: Instance): boolean {
  return instance.state === "running" || instance.state === "pending";
}
