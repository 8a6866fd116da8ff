import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { internetGatewayAttachmentActions } from "../gateway/internet-gateway-attachment.ts";
import { interfaceNow, launched, moveInstance, newNetwork } from "../test-network.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressAttributeActions } from "./address-attribute.ts";
import { addressDescribeActions } from "./address-describe.ts";
import { addressActions, hasMappedPublicAddress, publicIpOf } from "./address.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { AllocateAddress } = addressActions;
const { AssociateAddress, DisassociateAddress, ReleaseAddress } = addressAssociationActions;
const { DescribeAddresses } = addressDescribeActions;
const { DescribeAddressesAttribute } = addressAttributeActions;
const { DetachInternetGateway } = internetGatewayAttachmentActions;

const UNLIMITED = { ...DEFAULT_QUOTAS, "elastic-ips": Number.POSITIVE_INFINITY };

function allocated(region: TestRegion): { readonly AllocationId: string; readonly PublicIp: string } {
  const { AllocationId, PublicIp } = region.call(AllocateAddress, { Domain: "vpc" });
  return { AllocationId: must(AllocationId), PublicIp: must(PublicIp) };
}

test("an address is allocated from the pool, described without an association, and released", () => {
  const region = newRegion();
  const answer = region.call(AllocateAddress, {});
  assert.match(must(answer.PublicIp), /^203\.0\.113\.\d+$/);
  assert.deepEqual(answer, {
    PublicIp: answer.PublicIp,
    AllocationId: answer.AllocationId,
    PublicIpv4Pool: "amazon",
    NetworkBorderGroup: "us-east-1",
    Domain: "vpc",
  });
  const described = must(region.call(DescribeAddresses, {}).Addresses?.[0]);
  assert.equal(described.InstanceId, undefined);
  assert.equal(described.Tags, undefined);
  const AllocationId = must(answer.AllocationId);
  refuses(
    "InvalidParameterValue",
    () => region.call(ReleaseAddress, { PublicIp: must(answer.PublicIp) }),
    "You must specify an allocation id when releasing a VPC elastic IP address",
  );
  region.call(ReleaseAddress, { AllocationId });
  assert.deepEqual(region.call(DescribeAddresses, {}).Addresses, []);
  refuses(
    "InvalidAllocationID.NotFound",
    () => region.call(DescribeAddresses, { AllocationIds: [AllocationId] }),
    `The allocation ID '${AllocationId}' does not exist`,
  );
});

test("the sixth address is over the quota", () => {
  const region = newRegion();
  for (let count = 0; count < 5; count += 1) allocated(region);
  refuses(
    "AddressLimitExceeded",
    () => allocated(region),
    /^The maximum number of addresses has been reached\./,
  );
});

test("a pool gives each of its addresses once, and never its first and last", () => {
  const region = newRegion({ pools: ["203.0.113.0/28", "198.51.100.4/32"], quotas: UNLIMITED });
  const given = Array.from({ length: 15 }, () => allocated(region).PublicIp);
  const expected = [...Array.from({ length: 14 }, (_, index) => `203.0.113.${index + 1}`), "198.51.100.4"];
  assert.deepEqual(new Set(given), new Set(expected));
  assert.equal(given.at(-1), "198.51.100.4", "the second pool comes last");
  refuses("InsufficientAddressCapacity", () => allocated(region));
});

test("a request for anything but an address of the region's pool is refused", () => {
  const region = newRegion();
  refuses("UnsupportedOperation", () => region.call(AllocateAddress, { Address: "203.0.113.9" }));
  refuses("InvalidPublicIpv4PoolID.NotFound", () =>
    region.call(AllocateAddress, { PublicIpv4Pool: "ipv4pool-ec2-012345" }),
  );
  refuses("InvalidParameterValue", () => region.call(AllocateAddress, { Domain: "standard" }));
  refuses("InvalidParameterValue", () =>
    region.call(AllocateAddress, { NetworkBorderGroup: "us-west-2-lax-1" }),
  );
});

test("associating needs an attached gateway, and the gateway cannot leave while an address is mapped", () => {
  const network = newNetwork();
  const { region, vpcId, gatewayId } = network;
  const { instanceId: InstanceId } = launched(network);
  const { AllocationId } = allocated(region);
  const gateway = { InternetGatewayId: gatewayId, VpcId: vpcId };
  region.call(DetachInternetGateway, gateway);
  refuses(
    "Gateway.NotAttached",
    () => region.call(AssociateAddress, { AllocationId, InstanceId }),
    `Network ${vpcId} is not attached to any internet gateway`,
  );
  region.call(internetGatewayAttachmentActions.AttachInternetGateway, gateway);
  const { AssociationId } = region.call(AssociateAddress, { AllocationId, InstanceId });
  assert.equal(hasMappedPublicAddress(region.reader(), vpcId), true);
  refuses("DependencyViolation", () => region.call(DetachInternetGateway, gateway));
  region.call(DisassociateAddress, { AssociationId });
  assert.equal(hasMappedPublicAddress(region.reader(), vpcId), false);
  region.call(DetachInternetGateway, gateway);
});

test("an association is described from the address and found by every filter", () => {
  const network = newNetwork();
  const { region } = network;
  const { instanceId, eniId } = launched(network);
  const { AllocationId, PublicIp } = allocated(region);
  allocated(region);
  const { AssociationId } = region.call(AssociateAddress, { AllocationId, NetworkInterfaceId: eniId });
  const [primary] = interfaceNow(region, eniId).privateIpAddresses;
  assert.deepEqual(region.call(DescribeAddresses, { PublicIps: [PublicIp] }).Addresses, [
    {
      PublicIp,
      AllocationId,
      Domain: "vpc",
      InstanceId: instanceId,
      AssociationId,
      NetworkInterfaceId: eniId,
      NetworkInterfaceOwnerId: "123456789012",
      PrivateIpAddress: primary,
      Tags: undefined,
      PublicIpv4Pool: "amazon",
      NetworkBorderGroup: "us-east-1",
    },
  ]);
  const filters = {
    "allocation-id": AllocationId,
    "association-id": must(AssociationId),
    "instance-id": instanceId,
    "network-interface-id": eniId,
    "network-interface-owner-id": "123456789012",
    "private-ip-address": must(primary),
    "public-ip": PublicIp,
  };
  for (const [Name, value] of Object.entries(filters)) {
    const found = region.call(DescribeAddresses, { Filters: [{ Name, Values: [value] }] }).Addresses;
    assert.deepEqual(
      found?.map((address) => address.AllocationId),
      [AllocationId],
      Name,
    );
  }
  refuses(
    "InvalidAddress.NotFound",
    () => region.call(DescribeAddresses, { PublicIps: ["192.0.2.1"] }),
    "Address '192.0.2.1' not found.",
  );
  assert.deepEqual(region.call(DescribeAddressesAttribute, {}).Addresses, [], "none has a name");
});

test("associating again is idempotent; reassociation is automatic unless it is forbidden", () => {
  const network = newNetwork();
  const { region } = network;
  const [first, second] = [launched(network), launched(network)];
  const { AllocationId } = allocated(region);
  const other = allocated(region);
  const { AssociationId } = region.call(AssociateAddress, { AllocationId, InstanceId: first.instanceId });
  const again = { AllocationId, InstanceId: first.instanceId, AllowReassociation: false };
  assert.equal(region.call(AssociateAddress, again).AssociationId, AssociationId);
  refuses(
    "Resource.AlreadyAssociated",
    () =>
      region.call(AssociateAddress, {
        AllocationId,
        InstanceId: second.instanceId,
        AllowReassociation: false,
      }),
    `resource ${AllocationId} is already associated with associate-id ${AssociationId}`,
  );
  refuses("Resource.AlreadyAssociated", () =>
    region.call(AssociateAddress, {
      AllocationId: other.AllocationId,
      InstanceId: first.instanceId,
      AllowReassociation: false,
    }),
  );
  region.call(AssociateAddress, { AllocationId, InstanceId: second.instanceId });
  refuses("InvalidAssociationID.NotFound", () => region.call(DisassociateAddress, { AssociationId }));
  assert.equal(region.reader().by("address", "networkInterfaceId", first.eniId).length, 0);
  region.call(AssociateAddress, { AllocationId: other.AllocationId, InstanceId: second.instanceId });
  const held = region.reader().by("address", "networkInterfaceId", second.eniId);
  assert.deepEqual(
    held.map((address) => address.id),
    [other.AllocationId],
    "the private address has one public address, the other is free again",
  );
});

test("an association names exactly one address, and one interface that can have it", () => {
  const network = newNetwork();
  const { region, subnetId } = network;
  const { instanceId: InstanceId, eniId: NetworkInterfaceId } = launched(network);
  const { AllocationId, PublicIp } = allocated(region);
  const refused = (
    code: Parameters<typeof refuses>[0],
    input: Parameters<typeof AssociateAddress>[1],
    words?: string | RegExp,
  ) => refuses(code, () => region.call(AssociateAddress, input), words);
  refused("MissingParameter", { InstanceId });
  refused("MissingParameter", { AllocationId });
  refused("InvalidParameterCombination", { AllocationId, PublicIp, InstanceId });
  refused("InvalidParameterCombination", { AllocationId, NetworkInterfaceId, InstanceId });
  const words = "You must specify an allocation id when mapping an address to a VPC instance";
  refused("InvalidParameterCombination", { PublicIp, InstanceId }, words);
  refused("InvalidParameterValue", { AllocationId, InstanceId, PrivateIpAddress: "10.0.1.200" });
  const pending = launched(network, { state: "pending" });
  const pendingWords = `The pending instance '${pending.instanceId}' is not in a valid state for this operation.`;
  refused("InvalidInstanceID", { AllocationId, InstanceId: pending.instanceId }, pendingWords);
  refused("IncorrectInstanceState", { AllocationId, NetworkInterfaceId: pending.eniId });
  const extra = must(
    region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId: subnetId }).NetworkInterface
      ?.NetworkInterfaceId,
  );
  const attach = { NetworkInterfaceId: extra, InstanceId, DeviceIndex: 1 };
  region.call(networkInterfaceAttachmentActions.AttachNetworkInterface, attach);
  refused(
    "InvalidInstanceID",
    { AllocationId, InstanceId },
    /^There are multiple interfaces attached to instance/,
  );
  region.call(AssociateAddress, { AllocationId, NetworkInterfaceId: extra });
});

test("an automatic address leaves with stop and with an Elastic IP, and a new one comes after", () => {
  const network = newNetwork();
  const { region } = network;
  const { instanceId, eniId } = launched(network, { assignPublicIp: true });
  const automatic = () => interfaceNow(region, eniId).autoPublicIp;
  const first = automatic();
  assert.ok(first);
  moveInstance(region, instanceId, "stopping");
  assert.equal(automatic(), undefined);
  moveInstance(region, instanceId, "stopped");
  moveInstance(region, instanceId, "pending");
  const second = automatic();
  assert.ok(second);
  assert.notEqual(second, first);
  moveInstance(region, instanceId, "running");
  assert.equal(automatic(), second);
  const { AllocationId, PublicIp } = allocated(region);
  const { AssociationId } = region.call(AssociateAddress, { AllocationId, InstanceId: instanceId });
  assert.equal(automatic(), undefined);
  const eni = interfaceNow(region, eniId);
  assert.deepEqual(publicIpOf(region.reader(), eni, must(eni.privateIpAddresses[0])), {
    publicIp: PublicIp,
    allocationId: AllocationId,
    associationId: AssociationId,
    owner: "account",
  });
  moveInstance(region, instanceId, "stopped");
  assert.equal(
    region.reader().by("address", "networkInterfaceId", eniId).length,
    1,
    "an Elastic IP stays over a stop",
  );
  moveInstance(region, instanceId, "running");
  assert.equal(automatic(), undefined);
  region.call(DisassociateAddress, { AssociationId });
  assert.ok(automatic());
});

test("no new automatic address with a second interface, or with an Elastic IP on a secondary address", () => {
  const network = newNetwork();
  const { region, subnetId } = network;
  const { CreateNetworkInterface } = networkInterfaceActions;
  const { AttachNetworkInterface } = networkInterfaceAttachmentActions;
  const two = launched(network, { assignPublicIp: true });
  const kept = interfaceNow(region, two.eniId).autoPublicIp;
  const NetworkInterfaceId = must(
    region.call(CreateNetworkInterface, { SubnetId: subnetId }).NetworkInterface?.NetworkInterfaceId,
  );
  region.call(AttachNetworkInterface, { NetworkInterfaceId, InstanceId: two.instanceId, DeviceIndex: 1 });
  assert.equal(interfaceNow(region, two.eniId).autoPublicIp, kept, "the address that it has stays");
  moveInstance(region, two.instanceId, "stopped");
  moveInstance(region, two.instanceId, "running");
  assert.equal(interfaceNow(region, two.eniId).autoPublicIp, undefined);

  const many = launched(network, { assignPublicIp: true });
  const count = { NetworkInterfaceId: many.eniId, SecondaryPrivateIpAddressCount: 1 };
  region.call(networkInterfaceAddressActions.AssignPrivateIpAddresses, count);
  const secondary = must(interfaceNow(region, many.eniId).privateIpAddresses[1]);
  const { AllocationId } = allocated(region);
  region.call(AssociateAddress, {
    AllocationId,
    NetworkInterfaceId: many.eniId,
    PrivateIpAddress: secondary,
  });
  assert.ok(interfaceNow(region, many.eniId).autoPublicIp, "the address that it has stays");
  moveInstance(region, many.instanceId, "stopped");
  moveInstance(region, many.instanceId, "running");
  assert.equal(interfaceNow(region, many.eniId).autoPublicIp, undefined);
});

test("an associated address can be released only in the default VPC", () => {
  const network = newNetwork({ defaultVpc: true });
  const { region } = network;
  const { eniId: NetworkInterfaceId } = launched(network);
  const { AllocationId, PublicIp } = allocated(region);
  region.call(AssociateAddress, { AllocationId, NetworkInterfaceId });
  refuses(
    "InvalidIPAddress.InUse",
    () => region.call(ReleaseAddress, { AllocationId }),
    `Address ${PublicIp} is in use.`,
  );
  const vpc = must(region.reader().by("vpc", "isDefault", "true")[0]);
  const subnetId = must(region.reader().by("subnet", "vpcId", vpc.id)[0]).id;
  const inDefault = launched({ ...network, vpcId: vpc.id, subnetId });
  region.call(AssociateAddress, { AllocationId, NetworkInterfaceId: inDefault.eniId });
  region.call(ReleaseAddress, { AllocationId });
  assert.deepEqual(region.call(DescribeAddresses, {}).Addresses, []);
});
