/**
 * AWS's rules of Elastic IPs and of automatic addresses, a row each (EC2 API reference, AssociateAddress,
 * ReleaseAddress; EC2 user guide, "Public IPv4 addresses").
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { natGatewayActions } from "../gateway/nat-gateway.ts";
import { haltDone } from "../instance/instance-lifecycle.ts";
import { instanceRunActions } from "../instance/instance-run.ts";
import { instanceStateActions } from "../instance/instance-state.ts";
import { interfaceNow, launched, moveInstance, newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetActions } from "../vpc/subnet.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressActions } from "./address.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./network-interface-attribute.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { AssociateAddress, DisassociateAddress, ReleaseAddress } = addressAssociationActions;

/** What a row works with: an instance whose interface has two addresses, and three Elastic IPs. */
function scene() {
  const network = newNetwork();
  const { region, subnetId } = network;
  const first = launched(network);
  const allocate = () => must(region.call(addressActions.AllocateAddress, {}).AllocationId);
  region.call(networkInterfaceAddressActions.AssignPrivateIpAddresses, {
    NetworkInterfaceId: first.eniId,
    PrivateIpAddresses: ["10.0.1.50"],
  });
  const loose = (): string =>
    must(
      region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId: subnetId }).NetworkInterface
        ?.NetworkInterfaceId,
    );
  const associate = (input: Parameters<typeof AssociateAddress>[1]) =>
    must(region.call(AssociateAddress, input).AssociationId);
  /** Where an Elastic IP is: the interface and the private address. */
  const placeOf = (id: string): readonly (string | undefined)[] => {
    const { association } = must(region.reader().get("address", id));
    return [association?.networkInterfaceId, association?.privateIpAddress];
  };
  const primary = (eniId: string): string => must(interfaceNow(region, eniId).privateIpAddresses[0]);
  const addresses = [allocate(), allocate(), allocate()] as const;
  return {
    network,
    region,
    first,
    addresses,
    loose,
    associate,
    placeOf,
    primary,
    nowhere: [undefined, undefined],
  };
}

const ASSOCIATION: Readonly<Record<string, (s: ReturnType<typeof scene>) => void>> = {
  "without a private address: the primary one": (s) => {
    s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    assert.deepEqual(s.placeOf(s.addresses[0]), [s.first.eniId, s.primary(s.first.eniId)]);
  },
  "an instance's only interface, and a secondary address of it": (s) => {
    s.associate({
      AllocationId: s.addresses[0],
      InstanceId: s.first.instanceId,
      PrivateIpAddress: "10.0.1.50",
    });
    assert.deepEqual(s.placeOf(s.addresses[0]), [s.first.eniId, "10.0.1.50"]);
  },
  "several on one interface, one to each private address": (s) => {
    s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    s.associate({
      AllocationId: s.addresses[1],
      NetworkInterfaceId: s.first.eniId,
      PrivateIpAddress: "10.0.1.50",
    });
    assert.deepEqual(s.placeOf(s.addresses[0]), [s.first.eniId, s.primary(s.first.eniId)]);
    assert.deepEqual(s.placeOf(s.addresses[1]), [s.first.eniId, "10.0.1.50"]);
  },
  "from one address of an interface to another": (s) => {
    const old = s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    const now = s.associate({
      AllocationId: s.addresses[0],
      NetworkInterfaceId: s.first.eniId,
      PrivateIpAddress: "10.0.1.50",
    });
    assert.notEqual(now, old);
    assert.deepEqual(s.placeOf(s.addresses[0]), [s.first.eniId, "10.0.1.50"]);
    const back = {
      AllocationId: s.addresses[0],
      NetworkInterfaceId: s.first.eniId,
      AllowReassociation: false,
    };
    refuses(
      "Resource.AlreadyAssociated",
      () => s.associate(back),
      `resource ${s.addresses[0]} is already associated with associate-id ${now}`,
    );
  },
  "the address that was there stays allocated": (s) => {
    s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    s.associate({ AllocationId: s.addresses[1], NetworkInterfaceId: s.first.eniId });
    assert.deepEqual(s.placeOf(s.addresses[0]), s.nowhere);
  },
  "onto an address that has one, where reassociation is forbidden": (s) => {
    const there = s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    refuses(
      "Resource.AlreadyAssociated",
      () =>
        s.associate({
          AllocationId: s.addresses[1],
          NetworkInterfaceId: s.first.eniId,
          AllowReassociation: false,
        }),
      `resource ${s.first.eniId} is already associated with associate-id ${there}`,
    );
  },
  "onto another private address that has none, where reassociation is forbidden": (s) => {
    s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId });
    s.associate({
      AllocationId: s.addresses[1],
      NetworkInterfaceId: s.first.eniId,
      PrivateIpAddress: "10.0.1.50",
      AllowReassociation: false,
    });
    assert.deepEqual(s.placeOf(s.addresses[1]), [s.first.eniId, "10.0.1.50"]);
  },
  "the same pair again is idempotent, whatever is allowed": (s) => {
    const input = { AllocationId: s.addresses[0], NetworkInterfaceId: s.first.eniId };
    const id = s.associate(input);
    for (const AllowReassociation of [true, false, undefined])
      assert.equal(s.associate({ ...input, AllowReassociation }), id);
  },
  "an interface that nothing is attached to": (s) => {
    const eni = s.loose();
    s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: eni });
    const { region, first } = s;
    const { AttachmentId } = region.call(networkInterfaceAttachmentActions.AttachNetworkInterface, {
      NetworkInterfaceId: eni,
      InstanceId: first.instanceId,
      DeviceIndex: 1,
    });
    region.call(networkInterfaceAttachmentActions.DetachNetworkInterface, { AttachmentId });
    assert.deepEqual(s.placeOf(s.addresses[0]), [eni, s.primary(eni)], "it goes with the interface");
    region.call(networkInterfaceActions.DeleteNetworkInterface, { NetworkInterfaceId: eni });
    assert.deepEqual(s.placeOf(s.addresses[0]), s.nowhere, "and stays allocated when that is deleted");
  },
  "a private address that is unassigned lets go of it": (s) => {
    s.associate({
      AllocationId: s.addresses[0],
      NetworkInterfaceId: s.first.eniId,
      PrivateIpAddress: "10.0.1.50",
    });
    s.region.call(networkInterfaceAddressActions.UnassignPrivateIpAddresses, {
      NetworkInterfaceId: s.first.eniId,
      PrivateIpAddresses: ["10.0.1.50"],
    });
    assert.deepEqual(s.placeOf(s.addresses[0]), s.nowhere);
  },
  "an instance that is terminated lets go of it; one that is stopped keeps it": (s) => {
    s.associate({ AllocationId: s.addresses[0], InstanceId: s.first.instanceId });
    moveInstance(s.region, s.first.instanceId, "stopped");
    assert.deepEqual(s.placeOf(s.addresses[0]), [s.first.eniId, s.primary(s.first.eniId)]);
    s.region.call(instanceStateActions.TerminateInstances, { InstanceIds: [s.first.instanceId] });
    s.region.change((tx, context) => haltDone(tx, s.first.instanceId, context));
    assert.deepEqual(s.placeOf(s.addresses[0]), s.nowhere);
  },
  "a NAT gateway's interface and its address are its own": (s) => {
    const { region, network } = s;
    const [AllocationId, other] = s.addresses;
    region.call(natGatewayActions.CreateNatGateway, { SubnetId: network.subnetId, AllocationId });
    const [NetworkInterfaceId] = s.placeOf(AllocationId);
    const { associationId: AssociationId } = must(region.reader().get("address", AllocationId)?.association);
    for (const tried of [
      () => s.associate({ AllocationId: other, NetworkInterfaceId }),
      () => s.associate({ AllocationId, NetworkInterfaceId: s.first.eniId }),
      () => region.call(DisassociateAddress, { AssociationId }),
      () => region.call(ReleaseAddress, { AllocationId }),
    ]) {
      refuses("AuthFailure", tried, "You do not have permission to access the specified resource.");
      assert.throws(tried, { status: 400 }, "401 is for wrong keys");
    }
  },
  "by the address itself, or by what does not exist": (s) => {
    const PublicIp = must(s.region.reader().get("address", s.addresses[0])).publicIp;
    const words = "You must specify an association id when unmapping an address from a VPC instance";
    refuses("InvalidParameterValue", () => s.region.call(DisassociateAddress, { PublicIp }), words);
    refuses("MissingParameter", () => s.region.call(DisassociateAddress, {}));
    refuses("MissingParameter", () => s.region.call(ReleaseAddress, {}));
    const none = { AllocationId: "eipalloc-00000000000000000" };
    refuses("InvalidAllocationID.NotFound", () => s.region.call(ReleaseAddress, none));
    refuses("InvalidAllocationID.NotFound", () =>
      s.associate({ ...none, NetworkInterfaceId: s.first.eniId }),
    );
    const eni = "eni-00000000000000000";
    refuses("InvalidNetworkInterfaceID.NotFound", () =>
      s.associate({ AllocationId: s.addresses[0], NetworkInterfaceId: eni }),
    );
    const InstanceId = "i-00000000000000000";
    refuses("InvalidInstanceID.NotFound", () => s.associate({ AllocationId: s.addresses[0], InstanceId }));
    const elsewhere = { AllocationId: s.addresses[0], NetworkBorderGroup: "us-west-2" };
    refuses("InvalidParameterValue", () => s.region.call(ReleaseAddress, elsewhere));
  },
};

for (const [row, holds] of Object.entries(ASSOCIATION)) test(`Elastic IPs: ${row}`, () => holds(scene()));

type Interfaces = Parameters<typeof instanceRunActions.RunInstances>[1]["NetworkInterfaces"];

/** The public address of the first interface of an instance that is launched so. */
function publicIpOf(
  { region }: TestNetwork,
  input: { readonly SubnetId?: string; readonly NetworkInterfaces?: Interfaces },
) {
  const { Instances } = region.call(instanceRunActions.RunInstances, {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 1,
    MaxCount: 1,
    ...input,
  });
  const id = must(Instances?.[0]?.InstanceId);
  const eni = must(region.reader().by("network-interface", "instanceId", id)[0]);
  return { id, eniId: eni.id, publicIp: eni.autoPublicIp };
}

function network(mapPublic: boolean): TestNetwork {
  const made = newNetwork();
  made.region.call(subnetActions.ModifySubnetAttribute, {
    SubnetId: made.subnetId,
    MapPublicIpOnLaunch: { Value: mapPublic },
  });
  return made;
}

test("automatic addresses: the request overrides the subnet's flag", () => {
  for (const flag of [true, false])
    for (const asked of [true, false, undefined]) {
      const made = network(flag);
      const spec = { DeviceIndex: 0, SubnetId: made.subnetId, AssociatePublicIpAddress: asked };
      const { publicIp } = publicIpOf(made, { NetworkInterfaces: [spec] });
      assert.equal(publicIp !== undefined, asked ?? flag, `flag ${flag}, asked ${asked}`);
    }
});

test("automatic addresses: none with several interfaces, nor with one that exists already", () => {
  const made = network(true);
  const { region, subnetId: SubnetId } = made;
  const two = [0, 1].map((DeviceIndex) => ({ DeviceIndex, SubnetId }));
  assert.equal(publicIpOf(made, { NetworkInterfaces: two }).publicIp, undefined);
  refuses(
    "InvalidParameterCombination",
    () =>
      publicIpOf(made, {
        NetworkInterfaces: two.map((spec) => ({ ...spec, AssociatePublicIpAddress: true })),
      }),
    "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.",
  );
  const { NetworkInterface } = region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId });
  const existing = { DeviceIndex: 0, NetworkInterfaceId: must(NetworkInterface?.NetworkInterfaceId) };
  refuses("InvalidParameterCombination", () =>
    publicIpOf(made, { NetworkInterfaces: [{ ...existing, AssociatePublicIpAddress: true }] }),
  );
  assert.equal(publicIpOf(made, { NetworkInterfaces: [existing] }).publicIp, undefined);
});

test("automatic addresses: a stop takes it, a start gives another; the attribute of the interface gives and takes it", () => {
  const made = network(false);
  const { region } = made;
  const { id, eniId } = publicIpOf(made, { SubnetId: made.subnetId });
  const now = () => interfaceNow(region, eniId).autoPublicIp;
  const ask = (AssociatePublicIpAddress: boolean) =>
    region.call(networkInterfaceAttributeActions.ModifyNetworkInterfaceAttribute, {
      NetworkInterfaceId: eniId,
      AssociatePublicIpAddress,
    });
  assert.equal(now(), undefined);
  moveInstance(region, id, "running");
  ask(true);
  const first = must(now());
  moveInstance(region, id, "stopped");
  assert.equal(now(), undefined);
  moveInstance(region, id, "pending");
  assert.notEqual(must(now()), first);
  ask(false);
  assert.equal(now(), undefined);
});

test("automatic addresses: an Elastic IP on the primary address replaces it at once, and another comes when that goes", () => {
  const made = network(true);
  const { region } = made;
  const { id, eniId, publicIp } = publicIpOf(made, { SubnetId: made.subnetId });
  moveInstance(region, id, "running");
  const { AllocationId } = region.call(addressActions.AllocateAddress, {});
  const { AssociationId } = region.call(AssociateAddress, { AllocationId, InstanceId: id });
  assert.equal(interfaceNow(region, eniId).autoPublicIp, undefined);
  region.call(DisassociateAddress, { AssociationId });
  const another = must(interfaceNow(region, eniId).autoPublicIp);
  assert.notEqual(another, publicIp);
});
