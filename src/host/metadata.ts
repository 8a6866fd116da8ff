import { privateDnsName, publicDnsName, resourceDnsName } from "../model/dns-name.ts";
import type { Instance } from "../model/instance.ts";
import type { KeyPair } from "../model/key-pair.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import { type Asker, publicAddresses } from "./directory.ts";
import type { Identity } from "./identity.ts";

/** A name in the metadata tree: a leaf's text, or what makes it when it is asked for; a folder; or absent. */
type MetadataNode = string | MetadataFolder | (() => string) | undefined;
export type MetadataFolder = { readonly [name: string]: MetadataNode };

/**
 * What an instance reads below `/latest`. Names and forms: EC2 user guide, "Instance metadata categories".
 * `user-data` is given as it is stored, in base64. The asker's interface must be attached to an instance.
 */
export function metadataOf(
  asker: Asker & { readonly instance: Instance },
  identity?: Identity,
): MetadataFolder {
  const { instance } = asker;
  const document = identityDocument(asker);
  const signed = identity && {
    pkcs7: () => identity.pkcs7(document),
    rsa2048: () => identity.rsa2048(document),
    signature: () => identity.signature(document),
  };
  return {
    dynamic: { "instance-identity": { document, ...signed } },
    "meta-data": instanceMetadata(asker),
    "user-data": instance.userData,
  };
}

/**
 * The text or the listing at a path of the tree (`meta-data/placement/`), or undefined when there is none.
 */
export function readMetadata(tree: MetadataFolder, path: string): string | undefined {
  let node: MetadataNode = tree;
  for (const name of path.split("/").filter((part) => part !== "")) {
    if (typeof node !== "object" || !Object.hasOwn(node, name)) return undefined;
    node = node[name];
  }
  return typeof node === "object" ? listing(node) : typeof node === "function" ? node() : node;
}

/**
 * A folder's names, one a line; folders end in a slash. A key of `0=name` stands for the folder `0`, as in
 * `public-keys`.
 */
function listing(folder: MetadataFolder): string {
  const lines = Object.entries(folder).flatMap(([name, node]) => {
    if (node === undefined || name === LISTED_AS) return [];
    if (typeof node !== "object") return [name];
    const alias = node[LISTED_AS];
    return [typeof alias === "string" ? alias : `${name}/`];
  });
  return lines.join("\n");
}

/**
 * The key for a folder's line in its parent's listing, when that differs from its name and a slash. No
 * request can name this key.
 */
const LISTED_AS = "\0listed as";

function instanceMetadata(asker: Asker & { readonly instance: Instance }): MetadataFolder {
  const { instance, reader, region, vpc, subnet } = asker;
  const interfaces = reader
    .by("network-interface", "instanceId", instance.id)
    .toSorted((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
  // Values of the instance are those of its primary interface, whichever interface the request came from.
  const primary = interfaces[0] ?? asker.eni;
  const privateIp = primary.privateIpAddresses[0];
  const hostname = hostnameOf(primary, instance.id, region);
  const publicIp = publicAddresses(reader, primary).find(
    (address) => address.privateIp === privateIp,
  )?.publicIp;
  const key = instance.keyName === undefined ? undefined : reader.by("key-pair", "name", instance.keyName)[0];
  return {
    "ami-id": instance.imageId,
    "ami-launch-index": String(instance.launchIndex),
    "ami-manifest-path": "(unknown)",
    "block-device-mapping": { ami: "/dev/xvda", root: "/dev/xvda" },
    events: { maintenance: { history: "[]", scheduled: "[]" } },
    hostname,
    ipv6: primary.ipv6Addresses?.[0],
    "instance-action": "none",
    "instance-id": instance.id,
    "instance-life-cycle": "on-demand",
    "instance-type": instance.instanceType,
    "local-hostname": hostname,
    "local-ipv4": privateIp,
    mac: primary.macAddress,
    network: {
      interfaces: {
        macs: Object.fromEntries(interfaces.map((eni) => [eni.macAddress, interfaceMetadata(asker, eni)])),
      },
    },
    placement: {
      "availability-zone": instance.availabilityZone,
      "availability-zone-id": subnet.availabilityZoneId,
      region,
    },
    profile: "default-hvm",
    "public-hostname":
      publicIp !== undefined && vpc.enableDnsHostnames ? publicDnsName(publicIp, region) : undefined,
    "public-ipv4": publicIp,
    "public-keys": key && { 0: { [LISTED_AS]: `0=${key.name}`, "openssh-key": withComment(key) } },
    "reservation-id": instance.reservationId,
    "security-groups": groupNames(asker, primary),
    services: { domain: "amazonaws.com", partition: "aws" },
    system: "nitro",
    tags:
      instance.metadataOptions.instanceMetadataTags === "enabled" ? { instance: instance.tags } : undefined,
  };
}

/** The host name after the first IPv4 address; without one, after the instance's id. */
function hostnameOf(
  { privateIpAddresses: [ip] }: NetworkInterface,
  instanceId: string,
  region: string,
): string {
  return ip === undefined ? resourceDnsName(instanceId, region) : privateDnsName(ip, region);
}

function interfaceMetadata({ reader, region, account }: Asker, eni: NetworkInterface): MetadataFolder {
  const vpc = reader.get("vpc", eni.vpcId);
  const subnet = reader.get("subnet", eni.subnetId);
  const addresses = publicAddresses(reader, eni);
  const first = addresses[0]?.publicIp;
  const blocks = vpc?.cidrBlocks.map(({ cidrBlock }) => cidrBlock) ?? [];
  const hostname = hostnameOf(eni, eni.attachment?.instanceId ?? "", region);
  const ipv6Addresses = eni.ipv6Addresses ?? [];
  const ipv6Blocks = vpc?.ipv6CidrBlocks?.map(({ ipv6CidrBlock }) => ipv6CidrBlock) ?? [];
  return {
    "device-number": String(eni.attachment?.deviceIndex ?? 0),
    "interface-id": eni.id,
    "ipv4-associations":
      addresses.length === 0
        ? undefined
        : Object.fromEntries(addresses.map(({ publicIp, privateIp }) => [publicIp, privateIp])),
    ipv6s: ipv6Addresses.length === 0 ? undefined : ipv6Addresses.join("\n"),
    "local-hostname": hostname,
    "local-ipv4s": eni.privateIpAddresses.length === 0 ? undefined : eni.privateIpAddresses.join("\n"),
    mac: eni.macAddress,
    "network-card": String(eni.attachment?.networkCardIndex ?? 0),
    "owner-id": account,
    "public-hostname":
      first !== undefined && vpc?.enableDnsHostnames ? publicDnsName(first, region) : undefined,
    "public-ipv4s": first === undefined ? undefined : addresses.map(({ publicIp }) => publicIp).join("\n"),
    "security-group-ids": eni.groupIds.join("\n"),
    "security-groups": groupNames({ reader }, eni),
    "subnet-id": eni.subnetId,
    "subnet-ipv4-cidr-block": subnet?.cidrBlock,
    "subnet-ipv6-cidr-blocks": subnet?.ipv6CidrBlock?.ipv6CidrBlock,
    "vpc-id": eni.vpcId,
    "vpc-ipv4-cidr-block": blocks[0],
    "vpc-ipv4-cidr-blocks": blocks.join("\n"),
    "vpc-ipv6-cidr-blocks": ipv6Blocks.length === 0 ? undefined : ipv6Blocks.join("\n"),
  };
}

/** A public key's line ends in a comment: the key pair's name, unless it has one of its own. */
function withComment({ publicKey, name }: KeyPair): string {
  const line = publicKey.trim();
  return line.split(" ").length > 2 ? line : `${line} ${name}`;
}

function groupNames({ reader }: Pick<Asker, "reader">, eni: NetworkInterface): string {
  return eni.groupIds.flatMap((id) => reader.get("security-group", id)?.name ?? []).join("\n");
}

/** The instance identity document (EC2 user guide, "Instance identity documents"). */
function identityDocument({
  instance,
  account,
  region,
  eni,
}: Asker & { readonly instance: Instance }): string {
  const document = {
    accountId: account,
    architecture: /^[a-z]+\d+g[a-z]*\./.test(instance.instanceType) ? "arm64" : "x86_64",
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: instance.imageId,
    instanceId: instance.id,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: instance.launchTime.replace(/\.\d+Z$/, "Z"),
    privateIp: eni.privateIpAddresses[0] ?? null,
    ramdiskId: null,
    region,
    version: "2017-09-30",
  };
  return JSON.stringify(document, null, 2);
}
