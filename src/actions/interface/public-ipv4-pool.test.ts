import assert from "node:assert/strict";
import { test } from "node:test";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressDescribeActions } from "./address-describe.ts";
import { addressTransferActions } from "./address-transfer.ts";
import { addressActions } from "./address.ts";
import { publicIpv4PoolActions } from "./public-ipv4-pool.ts";

const { ProvisionByoipCidr, AdvertiseByoipCidr, WithdrawByoipCidr, DeprovisionByoipCidr } =
  publicIpv4PoolActions;
const { DescribeByoipCidrs, DescribePublicIpv4Pools } = publicIpv4PoolActions;
const { AllocateAddress } = addressActions;

const Cidr = "198.18.1.0/24";
const CidrAuthorizationContext = { Message: "mine", Signature: "signed" };

function pools(region: TestRegion) {
  return must(region.call(DescribePublicIpv4Pools, {}).PublicIpv4Pools);
}

test("a range is provisioned, advertised, withdrawn and deprovisioned", () => {
  const region = newRegion({ byoip: [Cidr] });
  const range = { Cidr, Description: "ours", NetworkBorderGroup: "us-east-1" };
  const now = () => region.call(DescribeByoipCidrs, { MaxResults: 5 }).ByoipCidrs;
  const given = { Cidr: "198.18.1.9/24", Description: "ours", CidrAuthorizationContext };
  assert.deepEqual(region.call(ProvisionByoipCidr, given).ByoipCidr, {
    ...range,
    State: "pending-provision",
  });
  assert.deepEqual(now(), [{ ...range, State: "provisioned" }]);
  refuses("InvalidParameterValue", () => region.call(ProvisionByoipCidr, given), /provisioned already/);
  const [pool] = pools(region);
  assert.match(must(pool?.PoolId), /^ipv4pool-ec2-[0-9a-f]{17}$/);
  assert.deepEqual(pool, {
    PoolId: pool?.PoolId,
    Description: "ours",
    PoolAddressRanges: [
      {
        FirstAddress: "198.18.1.1",
        LastAddress: "198.18.1.254",
        AddressCount: 254,
        AvailableAddressCount: 254,
      },
    ],
    TotalAddressCount: 254,
    TotalAvailableAddressCount: 254,
    NetworkBorderGroup: "us-east-1",
    Tags: [],
  });
  assert.deepEqual(region.call(AdvertiseByoipCidr, { Cidr }).ByoipCidr, { ...range, State: "advertised" });
  refuses("IncorrectState", () => region.call(DeprovisionByoipCidr, { Cidr }), /is advertised/);
  assert.deepEqual(region.call(WithdrawByoipCidr, { Cidr }).ByoipCidr, { ...range, State: "provisioned" });
  const { AllocationId } = region.call(AllocateAddress, { PublicIpv4Pool: pool?.PoolId });
  refuses(
    "IncorrectState",
    () => region.call(DeprovisionByoipCidr, { Cidr }),
    /addresses that are allocated/,
  );
  region.call(addressAssociationActions.ReleaseAddress, { AllocationId });
  assert.deepEqual(region.call(DeprovisionByoipCidr, { Cidr }).ByoipCidr, {
    ...range,
    State: "pending-deprovision",
  });
  assert.deepEqual([now(), pools(region)], [[], []]);
  refuses("InvalidParameterValue", () => region.call(AdvertiseByoipCidr, { Cidr }), /not provisioned/);
  refuses("MissingParameter", () => region.call(DescribeByoipCidrs, { MaxResults: undefined }));
});

test("a range that cannot be brought or advertised is refused", () => {
  const region = newRegion({ byoip: [Cidr] });
  const bring = (more: object) =>
    region.call(ProvisionByoipCidr, { Cidr, CidrAuthorizationContext, ...more });
  refuses(
    "UnsupportedOperation",
    () => bring({ Cidr: "198.18.2.0/24" }),
    /start Genkan with --byoip 198\.18\.2\.0\/24/,
  );
  refuses("MissingParameter", () => bring({ CidrAuthorizationContext: undefined }));
  refuses("MissingParameter", () => bring({ CidrAuthorizationContext: { Message: "mine" } }));
  refuses("InvalidParameterValue", () => bring({ Cidr: "ours" }));
  refuses("InvalidParameterValue", () => bring({ NetworkBorderGroup: "us-west-2" }));
  refuses("UnsupportedOperation", () => bring({ MultiRegion: true }));
  bring({ PubliclyAdvertisable: false, CidrAuthorizationContext: undefined });
  refuses("IncorrectState", () => region.call(AdvertiseByoipCidr, { Cidr }));
  refuses("UnsupportedOperation", () => region.call(AdvertiseByoipCidr, { Cidr, Asn: "65000" }));
  assert.equal(
    region.call(DescribeByoipCidrs, { MaxResults: 5 }).ByoipCidrs?.[0]?.State,
    "provisioned-not-publicly-advertisable",
  );
});

test("addresses come only from the pool that is named", () => {
  const region = newRegion({ byoip: [Cidr] });
  const TagSpecifications = [
    { ResourceType: "ipv4pool-ec2" as const, Tags: [{ Key: "Name", Value: "ours" }] },
  ];
  region.call(ProvisionByoipCidr, {
    Cidr,
    CidrAuthorizationContext,
    PoolTagSpecifications: TagSpecifications,
  });
  const PoolId = must(
    region.call(DescribePublicIpv4Pools, { Filters: [{ Name: "tag:Name", Values: ["ours"] }] })
      .PublicIpv4Pools?.[0]?.PoolId,
  );
  region.perform("CreateTags", { Resources: [PoolId], Tags: [{ Key: "A", Value: "b" }] });
  assert.deepEqual(pools(region)[0]?.Tags?.length, 2);
  const any = region.call(AllocateAddress, { PublicIpv4Pool: PoolId });
  assert.match(must(any.PublicIp), /^198\.18\.1\./);
  assert.equal(any.PublicIpv4Pool, PoolId);
  const wanted = region.call(AllocateAddress, { Address: "198.18.1.77" });
  assert.deepEqual([wanted.PublicIp, wanted.PublicIpv4Pool], ["198.18.1.77", PoolId]);
  const described = region.call(addressDescribeActions.DescribeAddresses, {
    AllocationIds: [must(wanted.AllocationId)],
  });
  assert.equal(described.Addresses?.[0]?.PublicIpv4Pool, PoolId);
  assert.match(must(region.call(AllocateAddress, {}).PublicIp), /^203\.0\.113\./);
  assert.equal(pools(region)[0]?.TotalAvailableAddressCount, 252);
  for (const Address of ["198.18.1.77", "198.18.1.0", "203.0.113.9"])
    refuses(
      "InvalidParameterValue",
      () => region.call(AllocateAddress, { PublicIpv4Pool: PoolId, Address }),
      /is not available/,
    );
  refuses("UnsupportedOperation", () => region.call(AllocateAddress, { Address: "203.0.113.9" }));
  refuses("InvalidPublicIpv4PoolID.NotFound", () =>
    region.call(AllocateAddress, { PublicIpv4Pool: "ipv4pool-ec2-0" }),
  );
  refuses("InvalidPublicIpv4PoolID.NotFound", () =>
    region.call(DescribePublicIpv4Pools, { PoolIds: ["ipv4pool-ec2-0"] }),
  );
  const to = { AllocationId: wanted.AllocationId, TransferAccountId: "210987654321" };
  refuses(
    "InvalidParameterValue",
    () => region.call(addressTransferActions.EnableAddressTransfer, to),
    /cannot be transferred/,
  );
});
