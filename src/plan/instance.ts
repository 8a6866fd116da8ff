import { formatIpv4, ipv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { ipv4BlockOf, parseIpv4Block } from "../lib/block.ts";
import { privateDnsName, resourceDnsName } from "../model/dns-name.ts";
import type { Instance } from "../model/instance.ts";
import { type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";

/** One interface, as its instance sees it. */
export type InterfacePlan = {
  readonly id: string;
  /** The index of the link's host-side end. */
  readonly slot: number;
  readonly deviceIndex: number;
  readonly mac: string;
  /** IPv4; the first is the primary one. Empty in an IPv6-only subnet. */
  readonly addresses: readonly string[];
  /** The length of the subnet's prefix, in bits. */
  readonly prefixLength: number;
  /** The subnet's +1 address; undefined in an IPv6-only subnet. */
  readonly router: string | undefined;
  readonly ipv6Addresses: readonly string[];
};

/** What the machine needs to boot an instance. */
export type InstancePlan = {
  readonly id: string;
  readonly hostname: string;
  /**
   * The servers in the VPC's DHCP options. The VPC's own server is at its +2 address, and for IPv6-only
   * instances at fd00:ec2::253.
   */
  readonly dnsServers: readonly string[];
  /** The domains that complete a name. */
  readonly dnsSearch: readonly string[];
  /** The domain of the instance's own name. */
  readonly dnsDomain: string;
  readonly interfaces: readonly InterfacePlan[];
  readonly userData: Uint8Array | undefined;
  readonly publicKey: string | undefined;
};

/** Source: VPC user guide, "Amazon DNS server". */
const RESOLVER_IPV6 = "fd00:ec2::253";

/** What the machine must run for an instance, computed only from the state. */
export function instancePlan(reader: Reader, instance: Instance, region: string): InstancePlan {
  const interfaces = reader
    .by("network-interface", "instanceId", instance.id)
    .toSorted((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
  const first = present(interfaces[0], `the primary interface of ${instance.id}`);
  const vpc = present(reader.get("vpc", instance.vpcId), instance.vpcId);
  const block = present(parseIpv4Block(vpc.cidrBlocks[0]?.cidrBlock ?? ""), `the block of ${vpc.id}`);
  const primary = primaryPrivateIp(first);
  const name = primary === undefined ? resourceDnsName(instance.id, region) : privateDnsName(primary, region);
  return {
    id: instance.id,
    hostname: name.split(".")[0] ?? name,
    ...resolving(reader, vpc, primary === undefined ? RESOLVER_IPV6 : formatIpv4(ipv4(block.base + 2))),
    dnsDomain: name.slice(name.indexOf(".") + 1),
    interfaces: interfaces.map((eni) => interfacePlan(reader, eni)),
    userData:
      instance.userData === undefined
        ? undefined
        : Uint8Array.from(atob(instance.userData), (c) => c.charCodeAt(0)),
    publicKey:
      instance.keyName === undefined
        ? undefined
        : reader.by("key-pair", "name", instance.keyName)[0]?.publicKey,
  };
}

/**
 * The names and servers in the VPC's DHCP options; without a set, there are none (VPC user guide, "DHCP
 * option sets").
 */
function resolving(reader: Reader, vpc: Vpc, own: string): Pick<InstancePlan, "dnsServers" | "dnsSearch"> {
  const options = reader.get("dhcp-options", vpc.dhcpOptionsId)?.configurations ?? [];
  const values = (name: string): readonly string[] => options.find(({ key }) => key === name)?.values ?? [];
  return {
    dnsServers: values("domain-name-servers").map((server) =>
      server === "AmazonProvidedDNS" ? own : server,
    ),
    dnsSearch: values("domain-name").flatMap((domains) => domains.split(" ")),
  };
}

function interfacePlan(reader: Reader, eni: NetworkInterface): InterfacePlan {
  const subnet = present(reader.get("subnet", eni.subnetId), eni.subnetId);
  const block = subnet.cidrBlock === undefined ? undefined : ipv4BlockOf(subnet.cidrBlock);
  return {
    id: eni.id,
    slot: eni.slot,
    deviceIndex: eni.attachment?.deviceIndex ?? 0,
    mac: eni.macAddress,
    addresses: eni.privateIpAddresses,
    prefixLength: block?.length ?? 32,
    router: block && formatIpv4(ipv4(block.base + 1)),
    ipv6Addresses: eni.ipv6Addresses ?? [],
  };
}
