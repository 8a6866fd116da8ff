import assert from "node:assert/strict";
import { test } from "node:test";
import { interfaceNow, launched, newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressActions } from "./address.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { AssignPrivateIpAddresses, UnassignPrivateIpAddresses } = networkInterfaceAddressActions;

function interfaceIn({ region, subnetId }: TestNetwork): string {
  return must(
    region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId: subnetId }).NetworkInterface
      ?.NetworkInterfaceId,
  );
}

test("secondary addresses are assigned by count and by name, and taken away again", () => {
  const network = newNetwork();
  const { region } = network;
  const NetworkInterfaceId = interfaceIn(network);
  const answer = region.call(AssignPrivateIpAddresses, {
    NetworkInterfaceId,
    SecondaryPrivateIpAddressCount: 1,
  });
  assert.deepEqual(answer, {
    NetworkInterfaceId,
    AssignedPrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.5" }],
    AssignedIpv4Prefixes: [],
  });
  const PrivateIpAddresses = ["10.0.1.60", "10.0.1.5"];
  region.call(AssignPrivateIpAddresses, { NetworkInterfaceId, PrivateIpAddresses });
  const held = () => interfaceNow(region, NetworkInterfaceId).privateIpAddresses;
  assert.deepEqual(
    held(),
    ["10.0.1.4", "10.0.1.5", "10.0.1.60"],
    "one that it has already is not added twice",
  );
  region.call(UnassignPrivateIpAddresses, { NetworkInterfaceId, PrivateIpAddresses: ["10.0.1.5"] });
  assert.deepEqual(held(), ["10.0.1.4", "10.0.1.60"]);
  const unassign = (ip: string) =>
    region.call(UnassignPrivateIpAddresses, { NetworkInterfaceId, PrivateIpAddresses: [ip] });
  refuses("InvalidParameterValue", () => unassign("10.0.1.4"));
  refuses("InvalidParameterValue", () => unassign("10.0.1.5"));
});

test("the wrong addresses, or none, are refused", () => {
  const network = newNetwork();
  const { region } = network;
  const NetworkInterfaceId = interfaceIn(network);
  const assign = (change: object) => region.call(AssignPrivateIpAddresses, { NetworkInterfaceId, ...change });
  refuses("MissingParameter", () => assign({}));
  refuses("InvalidParameterValue", () => assign({ SecondaryPrivateIpAddressCount: 0 }));
  refuses("InvalidParameterCombination", () =>
    assign({ SecondaryPrivateIpAddressCount: 1, PrivateIpAddresses: ["10.0.1.9"] }),
  );
  refuses("InvalidParameterValue", () => assign({ PrivateIpAddresses: ["10.0.2.9"] }));
  refuses("InvalidParameterValue", () => assign({ PrivateIpAddresses: ["10.0.1.1"] }));
  refuses("UnsupportedOperation", () => assign({ Ipv4PrefixCount: 1 }));
  refuses("PrivateIpAddressLimitExceeded", () => assign({ SecondaryPrivateIpAddressCount: 2_000_000_000 }));
  const narrow = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId: network.vpcId, CidrBlock: "10.0.9.0/28" }).Subnet
      ?.SubnetId,
  );
  const within = interfaceIn({ ...network, subnetId: narrow });
  refuses("InsufficientFreeAddressesInSubnet", () =>
    assign({ NetworkInterfaceId: within, SecondaryPrivateIpAddressCount: 11 }),
  );
  assign({ NetworkInterfaceId: within, SecondaryPrivateIpAddressCount: 10 });
});

test("the instance type says how many addresses an interface may have", () => {
  const network = newNetwork();
  const { region } = network;
  const { eniId: NetworkInterfaceId } = launched(network, { instanceType: "t3.micro" });
  region.call(AssignPrivateIpAddresses, { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 1 });
  refuses(
    "PrivateIpAddressLimitExceeded",
    () => region.call(AssignPrivateIpAddresses, { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 1 }),
    "Number of private addresses will exceed limit.",
  );
});

test("an address moves to another interface when that is allowed, with its Elastic IP; a primary one never does", () => {
  const network = newNetwork();
  const { region } = network;
  const [from, to] = [interfaceIn(network), interfaceIn(network)];
  region.call(AssignPrivateIpAddresses, { NetworkInterfaceId: from, PrivateIpAddresses: ["10.0.1.60"] });
  const { AllocationId } = region.call(addressActions.AllocateAddress, {});
  const mapped = { AllocationId, NetworkInterfaceId: from, PrivateIpAddress: "10.0.1.60" };
  const { AssociationId } = region.call(addressAssociationActions.AssociateAddress, mapped);
  const move = { NetworkInterfaceId: to, PrivateIpAddresses: ["10.0.1.60"] };
  refuses(
    "InvalidParameterValue",
    () => region.call(AssignPrivateIpAddresses, move),
    "[10.0.1.60] assigned, but move is not allowed.",
  );
  const primary = { NetworkInterfaceId: to, PrivateIpAddresses: ["10.0.1.4"], AllowReassignment: true };
  refuses(
    "InvalidParameterValue",
    () => region.call(AssignPrivateIpAddresses, primary),
    "[10.0.1.4] assigned, but move is not allowed.",
  );
  region.call(AssignPrivateIpAddresses, { ...move, AllowReassignment: true });
  assert.deepEqual(interfaceNow(region, from).privateIpAddresses, ["10.0.1.4"]);
  assert.deepEqual(interfaceNow(region, to).privateIpAddresses.slice(1), ["10.0.1.60"]);
  assert.deepEqual(region.reader().get("address", must(AllocationId))?.association, {
    associationId: AssociationId,
    networkInterfaceId: to,
    privateIpAddress: "10.0.1.60",
  });
  region.call(UnassignPrivateIpAddresses, { NetworkInterfaceId: to, PrivateIpAddresses: ["10.0.1.60"] });
  assert.equal(region.reader().get("address", must(AllocationId))?.association, undefined);
});
