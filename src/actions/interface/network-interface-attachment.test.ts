import assert from "node:assert/strict";
import { test } from "node:test";
import { interfaceNow, launched, newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./network-interface-attribute.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { AttachNetworkInterface, DetachNetworkInterface } = networkInterfaceAttachmentActions;
const { ModifyNetworkInterfaceAttribute, DescribeNetworkInterfaceAttribute, ResetNetworkInterfaceAttribute } =
  networkInterfaceAttributeActions;
const { CreateNetworkInterface, DeleteNetworkInterface } = networkInterfaceActions;

function interfaceIn({ region, subnetId }: TestNetwork, SecondaryPrivateIpAddressCount = 0): string {
  const input = { SubnetId: subnetId, SecondaryPrivateIpAddressCount };
  return must(region.call(CreateNetworkInterface, input).NetworkInterface?.NetworkInterfaceId);
}

test("an interface is attached, in use, detached, and free again", () => {
  const network = newNetwork();
  const { region } = network;
  const { instanceId: InstanceId } = launched(network);
  const NetworkInterfaceId = interfaceIn(network);
  const { AttachmentId } = region.call(AttachNetworkInterface, {
    NetworkInterfaceId,
    InstanceId,
    DeviceIndex: 1,
  });
  const described = () =>
    region.call(networkInterfaceListActions.DescribeNetworkInterfaces, {
      NetworkInterfaceIds: [NetworkInterfaceId],
    }).NetworkInterfaces?.[0];
  assert.equal(described()?.Status, "in-use");
  assert.deepEqual(described()?.Attachment, {
    AttachTime: new Date("2026-01-01T00:00:00.000Z"),
    AttachmentId,
    DeleteOnTermination: false,
    DeviceIndex: 1,
    NetworkCardIndex: 0,
    InstanceId,
    InstanceOwnerId: "123456789012",
    Status: "attached",
  });
  refuses(
    "InvalidParameterValue",
    () => region.call(DeleteNetworkInterface, { NetworkInterfaceId }),
    `Network interface '${NetworkInterfaceId}' is currently in use.`,
  );
  refuses(
    "InvalidNetworkInterface.InUse",
    () => region.call(AttachNetworkInterface, { NetworkInterfaceId, InstanceId, DeviceIndex: 2 }),
    `Interface: [${NetworkInterfaceId}] in use.`,
  );
  region.call(DetachNetworkInterface, { AttachmentId, Force: true });
  assert.equal(described()?.Status, "available");
  refuses("InvalidAttachmentID.NotFound", () => region.call(DetachNetworkInterface, { AttachmentId }));
  region.call(DeleteNetworkInterface, { NetworkInterfaceId });
});

test("what cannot be attached or detached is refused", () => {
  const network = newNetwork();
  const { region, vpcId } = network;
  const { instanceId: InstanceId, eniId } = launched(network, { instanceType: "t3.micro" });
  const NetworkInterfaceId = interfaceIn(network);
  const attach = (change: Partial<Parameters<typeof AttachNetworkInterface>[1]>) =>
    region.call(AttachNetworkInterface, { NetworkInterfaceId, InstanceId, DeviceIndex: 1, ...change });
  refuses(
    "InvalidParameterValue",
    () => attach({ DeviceIndex: 0 }),
    `Instance '${InstanceId}' already has an interface attached at device index '0'.`,
  );
  refuses("MissingParameter", () => attach({ DeviceIndex: undefined }));
  refuses("InvalidParameterValue", () => attach({ DeviceIndex: -1 }));
  refuses("InvalidParameterValue", () => attach({ NetworkCardIndex: 1 }));
  refuses("InvalidNetworkInterfaceID.NotFound", () => attach({ NetworkInterfaceId: "eni-12345678" }));
  refuses("InvalidInstanceID.NotFound", () => attach({ InstanceId: "i-12345678" }));
  const pending = launched(network, { state: "pending" });
  refuses("IncorrectState", () => attach({ InstanceId: pending.instanceId }));
  const subnet = { VpcId: vpcId, CidrBlock: "10.0.2.0/24", AvailabilityZone: "us-east-1b" };
  const elsewhere = must(region.call(subnetCreateActions.CreateSubnet, subnet).Subnet?.SubnetId);
  refuses("InvalidParameterValue", () =>
    attach({ NetworkInterfaceId: interfaceIn({ ...network, subnetId: elsewhere }) }),
  );
  // A t3.micro has two interfaces of two addresses each.
  refuses("PrivateIpAddressLimitExceeded", () => attach({ NetworkInterfaceId: interfaceIn(network, 2) }));
  attach({});
  refuses(
    "AttachmentLimitExceeded",
    () => attach({ NetworkInterfaceId: interfaceIn(network), DeviceIndex: 2 }),
    "Interface count 3 exceeds the limit for t3.micro",
  );
  const AttachmentId = interfaceNow(region, eniId).attachment?.attachmentId;
  refuses(
    "OperationNotPermitted",
    () => region.call(DetachNetworkInterface, { AttachmentId }),
    "The network interface at device index 0 cannot be detached.",
  );
});

test("attributes are changed one at a time, described and reset", () => {
  const network = newNetwork();
  const { region } = network;
  const { eniId: NetworkInterfaceId } = launched(network);
  const modify = (change: object) =>
    region.call(ModifyNetworkInterfaceAttribute, { NetworkInterfaceId, ...change });
  const describe = (Attribute: "description" | "groupSet" | "sourceDestCheck" | "attachment") =>
    region.call(DescribeNetworkInterfaceAttribute, { NetworkInterfaceId, Attribute });
  modify({ Description: { Value: "router" } });
  assert.deepEqual(describe("description"), { NetworkInterfaceId, Description: { Value: "router" } });
  modify({ SourceDestCheck: { Value: false } });
  assert.deepEqual(describe("sourceDestCheck"), { NetworkInterfaceId, SourceDestCheck: { Value: false } });
  region.call(ResetNetworkInterfaceAttribute, { NetworkInterfaceId, SourceDestCheck: "true" });
  assert.equal(describe("sourceDestCheck").SourceDestCheck?.Value, true);
  const AttachmentId = interfaceNow(region, NetworkInterfaceId).attachment?.attachmentId;
  modify({ Attachment: { AttachmentId, DeleteOnTermination: false } });
  assert.equal(describe("attachment").Attachment?.DeleteOnTermination, false);
  refuses("InvalidAttachmentID.NotFound", () =>
    modify({ Attachment: { AttachmentId: "eni-attach-1", DeleteOnTermination: true } }),
  );
  refuses("InvalidGroup.NotFound", () => modify({ Groups: ["sg-12345678"] }));
  refuses("InvalidParameterCombination", () => modify({}), "No attributes specified.");
  refuses("InvalidParameterCombination", () =>
    modify({ Description: { Value: "x" }, SourceDestCheck: { Value: true } }),
  );
  refuses(
    "InvalidParameterCombination",
    () => modify({ ConnectionTrackingSpecification: {} }),
    "No attributes specified.",
  );
  assert.equal(describe("groupSet").Groups?.[0]?.GroupName, "default");
});

test("auto-assign can be turned on and off for an interface in use", () => {
  const network = newNetwork();
  const { region } = network;
  const { eniId: NetworkInterfaceId } = launched(network);
  region.call(ModifyNetworkInterfaceAttribute, { NetworkInterfaceId, AssociatePublicIpAddress: true });
  assert.ok(interfaceNow(region, NetworkInterfaceId).autoPublicIp);
  region.call(ModifyNetworkInterfaceAttribute, { NetworkInterfaceId, AssociatePublicIpAddress: false });
  assert.equal(interfaceNow(region, NetworkInterfaceId).autoPublicIp, undefined);
});
