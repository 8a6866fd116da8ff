import assert from "node:assert/strict";
import { test } from "node:test";
import { launched, newNetwork } from "../test-network.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { vpcActions } from "../vpc/vpc.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressAttributeActions } from "./address-attribute.ts";
import { addressTransferActions } from "./address-transfer.ts";
import { addressActions } from "./address.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { publicDnsNameActions } from "./public-dns-name.ts";

const { ModifyAddressAttribute, ResetAddressAttribute, DescribeAddressesAttribute } = addressAttributeActions;
const { EnableAddressTransfer, DisableAddressTransfer, DescribeAddressTransfers } = addressTransferActions;
const { ModifyPublicIpDnsNameOptions } = publicDnsNameActions;

const DAY = 24 * 60 * 60 * 1000;

test("an address's name for reverse DNS is set, described and taken away; while it stands the address cannot be released", () => {
  const region = newRegion();
  const { AllocationId, PublicIp } = region.call(addressActions.AllocateAddress, {});
  const bare = { AllocationId, PublicIp, PtrRecord: undefined };
  const now = () => region.call(DescribeAddressesAttribute, { Attribute: "domain-name" }).Addresses;
  assert.deepEqual(now(), []);
  assert.deepEqual(
    region.call(ModifyAddressAttribute, { AllocationId, DomainName: "Mail.example.com" }).Address,
    {
      ...bare,
      PtrRecordUpdate: { Value: "mail.example.com.", Status: "PENDING" },
    },
  );
  assert.deepEqual(now(), [{ ...bare, PtrRecord: "mail.example.com." }]);
  refuses(
    "InvalidAddress.PtrSet",
    () => region.call(addressAssociationActions.ReleaseAddress, { AllocationId }),
    `The address with allocation id [${AllocationId}] cannot be released because it has a PTR record set.`,
  );
  const reset = region.call(ResetAddressAttribute, { AllocationId, Attribute: "domain-name" }).Address;
  assert.deepEqual(reset, {
    ...bare,
    PtrRecord: "mail.example.com.",
    PtrRecordUpdate: { Status: "PENDING" },
  });
  assert.deepEqual(now(), []);
  assert.deepEqual(
    region.call(ResetAddressAttribute, { AllocationId, Attribute: "domain-name" }).Address,
    bare,
  );
  region.call(addressAssociationActions.ReleaseAddress, { AllocationId });
});

test("an invalid domain name, attribute or address is refused", () => {
  const region = newRegion();
  const { AllocationId } = region.call(addressActions.AllocateAddress, {});
  for (const DomainName of [
    "com",
    "a..com",
    "-a.com",
    "a b.com",
    `${"a".repeat(64)}.com`,
    `${"a.".repeat(130)}com`,
  ])
    refuses(
      "InvalidParameterValue",
      () => region.call(ModifyAddressAttribute, { AllocationId, DomainName }),
      /not a valid domain name/,
    );
  refuses("MissingParameter", () => region.call(ModifyAddressAttribute, { AllocationId }));
  const Attribute = "other" as "domain-name";
  refuses("InvalidParameterValue", () => region.call(ResetAddressAttribute, { AllocationId, Attribute }));
  refuses("InvalidParameterValue", () => region.call(DescribeAddressesAttribute, { Attribute }));
  const unknown = { AllocationId: "eipalloc-00000000000000000", DomainName: "a.example" };
  refuses("InvalidAllocationID.NotFound", () => region.call(ModifyAddressAttribute, unknown));
});

test("an offer to transfer an address to another account is open for seven days, or until it is disabled", () => {
  const region = newRegion();
  const { AllocationId, PublicIp } = region.call(addressActions.AllocateAddress, {});
  region.call(addressActions.AllocateAddress, {});
  const to = { AllocationId, TransferAccountId: "210987654321" };
  const offer = {
    PublicIp,
    AllocationId,
    TransferAccountId: "210987654321",
    TransferOfferExpirationTimestamp: new Date("2026-01-08T00:00:00.000Z"),
    AddressTransferStatus: "pending",
  } as const;
  const now = () => region.call(DescribeAddressTransfers, {}).AddressTransfers;
  assert.deepEqual(region.call(EnableAddressTransfer, to).AddressTransfer, offer);
  region.advance(DAY);
  assert.deepEqual(
    region.call(EnableAddressTransfer, to).AddressTransfer,
    offer,
    "the same offer stands already",
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(EnableAddressTransfer, { ...to, TransferAccountId: "111111111111" }),
    /is pending/,
  );
  assert.deepEqual(now(), [offer]);
  assert.deepEqual(region.call(DisableAddressTransfer, { AllocationId }).AddressTransfer, {
    ...offer,
    AddressTransferStatus: "disabled",
  });
  assert.deepEqual(now(), []);
  refuses(
    "InvalidParameterValue",
    () => region.call(DisableAddressTransfer, { AllocationId }),
    /No transfer/,
  );
  region.call(EnableAddressTransfer, to);
  region.advance(7 * DAY);
  assert.deepEqual(now(), []);
  refuses("InvalidParameterValue", () => region.call(DisableAddressTransfer, { AllocationId }));
  for (const TransferAccountId of ["123456789012", "1234", "account-of-us"])
    refuses("InvalidParameterValue", () =>
      region.call(EnableAddressTransfer, { AllocationId, TransferAccountId }),
    );
  const unknown = "eipalloc-00000000000000000";
  refuses("InvalidAllocationID.NotFound", () =>
    region.call(DescribeAddressTransfers, { AllocationIds: [unknown] }),
  );
});

test("an interface's public name is that of its IPv4 address, where the VPC gives names", () => {
  const network = newNetwork();
  const { region, vpcId } = network;
  const { eniId: NetworkInterfaceId } = launched(network, { assignPublicIp: true });
  const named = () => {
    const found = must(
      region.call(networkInterfaceListActions.DescribeNetworkInterfaces, {}).NetworkInterfaces?.[0],
    );
    return [found.PublicDnsName, found.PublicIpDnsNameOptions];
  };
  const HostnameType = "public-ipv4-dns-name";
  assert.deepEqual(region.call(ModifyPublicIpDnsNameOptions, { NetworkInterfaceId, HostnameType }), {
    Successful: true,
  });
  assert.deepEqual(named(), [undefined, undefined]);
  region.call(vpcActions.ModifyVpcAttribute, { VpcId: vpcId, EnableDnsHostnames: { Value: true } });
  const [name, options] = named();
  assert.match(String(name), /^ec2-203-0-113-\d+\.compute-1\.amazonaws\.com$/);
  assert.deepEqual(options, { DnsHostnameType: HostnameType, PublicIpv4DnsName: name });
  for (const other of ["public-ipv6-dns-name", "public-dual-stack-dns-name"] as const)
    refuses("UnsupportedOperation", () =>
      region.call(ModifyPublicIpDnsNameOptions, { NetworkInterfaceId, HostnameType: other }),
    );
  const wrong = "private" as typeof HostnameType;
  refuses("InvalidParameterValue", () =>
    region.call(ModifyPublicIpDnsNameOptions, { NetworkInterfaceId, HostnameType: wrong }),
  );
});
