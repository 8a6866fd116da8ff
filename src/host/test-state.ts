import { present } from "../lib/assert.ts";
import type { Address } from "../model/address.ts";
import type { Instance } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Change, Tx } from "../model/state.ts";
import { applyChanges, beginTx, newWorld, readerOf } from "../model/world.ts";
import { directoryOf, type InstanceDirectory } from "./directory.ts";

/** The state that the tests of the metadata service and of the resolver ask about: one VPC, one instance. */
export const SLOT = 16;
const INSTANCE = "i-00000000000000001";
const ENI = "eni-00000000000000001";
const VPC = "vpc-00000000000000001";

export type Edit = (tx: Tx) => void;

/** Where the example is. */
export const EXAMPLE = { account: "123456789012", region: "us-east-1" } as const;

export function exampleDirectory(...edits: readonly Edit[]): InstanceDirectory {
  const { account, region } = EXAMPLE;
  const world = newWorld();
  applyChanges(world, account, region, exampleChanges(...edits));
  const realm = { account, region, reader: readerOf(world, account, region) };
  return directoryOf({
    realms: () => [realm],
    holder: (slot) => {
      const eni = realm.reader.list("network-interface").find((one) => one.slot === slot);
      return eni && { realm, id: eni.id };
    },
  });
}

/** What makes the example out of nothing. */
export function exampleChanges(...edits: readonly Edit[]): readonly Change[] {
  const tx = beginTx(newWorld(), EXAMPLE.account, EXAMPLE.region);
  for (const edit of [fill, ...edits]) edit(tx);
  return tx.changes();
}

/** Maps a public address to the instance's primary address. */
export function associate(publicIp: string): Edit {
  return (tx) => tx.put(mapped(publicIp));
}

export function mapped(publicIp: string): Address {
  return {
    kind: "address",
    id: "eipalloc-00000000000000001",
    tags: {},
    publicIp,
    association: {
      associationId: "eipassoc-00000000000000001",
      networkInterfaceId: ENI,
      privateIpAddress: "10.0.1.5",
    },
  };
}

export function changeInstance(change: (instance: Instance) => Instance): Edit {
  return (tx) => tx.put(change(present(tx.get("instance", INSTANCE), INSTANCE)));
}

function fill(tx: Tx): void {
  tx.put({
    kind: "vpc",
    id: VPC,
    slot: 1,
    tags: {},
    cidrBlocks: [{ associationId: "vpc-cidr-assoc-00000000000000001", cidrBlock: "10.0.0.0/16" }],
    isDefault: false,
    instanceTenancy: "default",
    dhcpOptionsId: "dopt-00000000000000001",
    enableDnsSupport: true,
    enableDnsHostnames: true,
    enableNetworkAddressUsageMetrics: false,
    mainRouteTable: { associationId: "rtbassoc-00000000000000001", routeTableId: "rtb-00000000000000001" },
    defaultNetworkAclId: "acl-00000000000000001",
    defaultSecurityGroupId: "sg-00000000000000001",
  });
  tx.put({
    kind: "subnet",
    id: "subnet-00000000000000001",
    slot: 1,
    tags: {},
    vpcId: VPC,
    cidrBlock: "10.0.1.0/24",
    availabilityZone: "us-east-1a",
    availabilityZoneId: "use1-az1",
    defaultForAz: false,
    mapPublicIpOnLaunch: false,
    networkAcl: { associationId: "aclassoc-00000000000000001", networkAclId: "acl-00000000000000001" },
    privateDnsHostnameType: "ip-name",
    enableResourceNameDnsARecord: false,
    enableResourceNameDnsAAAARecord: false,
  });
  tx.put({
    kind: "security-group",
    id: "sg-00000000000000001",
    slot: 1,
    tags: {},
    vpcId: VPC,
    name: "default",
    description: "default VPC security group",
  });
  tx.put({
    kind: "key-pair",
    id: "key-00000000000000001",
    tags: {},
    name: "my-key",
    fingerprint: "",
    keyType: "ed25519",
    publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
    createTime: "2026-01-01T00:00:00.000Z",
  });
  tx.put(networkInterface());
  tx.put(instance());
}

function networkInterface(): NetworkInterface {
  return {
    kind: "network-interface",
    id: ENI,
    slot: SLOT,
    tags: {},
    vpcId: VPC,
    subnetId: "subnet-00000000000000001",
    availabilityZone: "us-east-1a",
    description: "",
    macAddress: "02:00:00:00:00:05",
    privateIpAddresses: ["10.0.1.5", "10.0.1.6"],
    groupIds: ["sg-00000000000000001"],
    sourceDestCheck: true,
    attachment: {
      attachmentId: "eni-attach-00000000000000001",
      instanceId: INSTANCE,
      deviceIndex: 0,
      networkCardIndex: 0,
      deleteOnTermination: true,
      attachTime: "2026-01-01T00:00:00.000Z",
    },
    requesterManaged: false,
    assignPublicIp: false,
  };
}

function instance(): Instance {
  return {
    kind: "instance",
    id: INSTANCE,
    tags: {},
    reservationId: "r-00000000000000001",
    launchIndex: 0,
    imageId: "ami-00000000000000001",
    instanceType: "t3.micro",
    state: "running",
    bootGeneration: 1,
    stateTransitionReason: "",
    launchTime: "2026-01-01T00:00:00.000Z",
    vpcId: VPC,
    subnetId: "subnet-00000000000000001",
    availabilityZone: "us-east-1a",
    keyName: "my-key",
    userData: Buffer.from("#!/bin/sh\necho héllo\n").toString("base64"),
    shutdownBehavior: "stop",
    disableApiTermination: false,
    disableApiStop: false,
    ebsOptimized: false,
    monitoring: false,
    tenancy: "default",
    metadataOptions: {
      httpTokens: "optional",
      httpPutResponseHopLimit: 2,
      httpEndpoint: "enabled",
      instanceMetadataTags: "disabled",
    },
    rootVolumeId: "vol-00000000000000001",
  };
}
