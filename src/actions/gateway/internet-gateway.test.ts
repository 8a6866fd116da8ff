import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../../model/address.ts";
import { internetGatewayOf } from "../kit/find.ts";
import { interfaceRecord, must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { internetGatewayAttachmentActions } from "./internet-gateway-attachment.ts";
import { internetGatewayActions } from "./internet-gateway.ts";

const { CreateInternetGateway, DeleteInternetGateway, DescribeInternetGateways } = internetGatewayActions;
const { AttachInternetGateway, DetachInternetGateway } = internetGatewayAttachmentActions;

function gatewayIn(region: TestRegion): string {
  return must(region.call(CreateInternetGateway, {}).InternetGateway?.InternetGatewayId);
}

function vpcIn(region: TestRegion): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
}

test("a gateway is created detached, attached as `available`, detached again, deleted", () => {
  const region = newRegion();
  const { InternetGateway } = region.call(CreateInternetGateway, {});
  assert.deepEqual(InternetGateway, {
    InternetGatewayId: InternetGateway?.InternetGatewayId,
    Attachments: [],
    OwnerId: "123456789012",
    Tags: [],
  });
  const InternetGatewayId = must(InternetGateway?.InternetGatewayId);
  const VpcId = vpcIn(region);
  region.call(AttachInternetGateway, { InternetGatewayId, VpcId });
  const attachments = () => region.call(DescribeInternetGateways, {}).InternetGateways?.[0]?.Attachments;
  assert.deepEqual(attachments(), [{ State: "available", VpcId }]);
  assert.equal(internetGatewayOf(region.reader(), VpcId)?.id, InternetGatewayId);
  refuses(
    "DependencyViolation",
    () => region.call(DeleteInternetGateway, { InternetGatewayId }),
    `The internetGateway '${InternetGatewayId}' has dependencies and cannot be deleted.`,
  );
  region.call(DetachInternetGateway, { InternetGatewayId, VpcId });
  assert.deepEqual(attachments(), []);
  assert.equal(internetGatewayOf(region.reader(), VpcId), undefined);
  region.call(DeleteInternetGateway, { InternetGatewayId });
  assert.deepEqual(region.call(DescribeInternetGateways, {}).InternetGateways, []);
});

test("one VPC per gateway, one gateway per VPC", () => {
  const region = newRegion();
  const [first, second] = [gatewayIn(region), gatewayIn(region)];
  const [one, other] = [vpcIn(region), vpcIn(region)];
  region.call(AttachInternetGateway, { InternetGatewayId: first, VpcId: one });
  for (const VpcId of [one, other]) {
    refuses(
      "Resource.AlreadyAssociated",
      () => region.call(AttachInternetGateway, { InternetGatewayId: first, VpcId }),
      `resource ${first} is already attached to network ${one}`,
    );
  }
  refuses(
    "InvalidParameterValue",
    () => region.call(AttachInternetGateway, { InternetGatewayId: second, VpcId: one }),
    `Network ${one} already has an internet gateway attached`,
  );
  region.call(AttachInternetGateway, { InternetGatewayId: second, VpcId: other });
  assert.deepEqual(
    [one, other].map((vpcId) => internetGatewayOf(region.reader(), vpcId)?.id),
    [first, second],
  );
});

test("detaching from where it is not attached is refused", () => {
  const region = newRegion();
  const InternetGatewayId = gatewayIn(region);
  const [one, other] = [vpcIn(region), vpcIn(region)];
  const detach = (VpcId: string) => () => region.call(DetachInternetGateway, { InternetGatewayId, VpcId });
  refuses(
    "Gateway.NotAttached",
    detach(one),
    `resource ${InternetGatewayId} is not attached to network ${one}`,
  );
  region.call(AttachInternetGateway, { InternetGatewayId, VpcId: one });
  refuses("Gateway.NotAttached", detach(other));
  refuses("Gateway.NotAttached", detach("vpc-00000000000000000"));
  detach(one)();
  refuses("Gateway.NotAttached", detach(one));
});

test("a gateway can't be detached while public addresses are mapped, automatic or Elastic, until none is left", () => {
  const region = newRegion();
  const InternetGatewayId = gatewayIn(region);
  const VpcId = vpcIn(region);
  const subnet = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  region.call(AttachInternetGateway, { InternetGatewayId, VpcId });
  const detach = () => region.call(DetachInternetGateway, { InternetGatewayId, VpcId });
  const words = `Network ${VpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`;
  const eni = interfaceRecord(region, subnet, ["10.0.1.10"], { autoPublicIp: "203.0.113.9" });
  refuses("DependencyViolation", detach, words);
  const { autoPublicIp: _, ...without } = eni;
  const address: Address = { kind: "address", id: "eipalloc-1", tags: {}, publicIp: "203.0.113.7" };
  const association = {
    associationId: "eipassoc-1",
    networkInterfaceId: eni.id,
    privateIpAddress: "10.0.1.10",
  };
  region.change((tx) => {
    tx.put(without);
    tx.put({ ...address, association });
  });
  refuses("DependencyViolation", detach, words);
  region.change((tx) => tx.put(address));
  detach();
});

test("unknown and malformed ids", () => {
  const region = newRegion();
  const unknown = "igw-5bce113f";
  refuses(
    "InvalidInternetGatewayID.NotFound",
    () => region.call(DescribeInternetGateways, { InternetGatewayIds: [unknown] }),
    `The internetGateway ID '${unknown}' does not exist`,
  );
  refuses("InvalidInternetGatewayID.NotFound", () =>
    region.call(DeleteInternetGateway, { InternetGatewayId: unknown }),
  );
  refuses("InvalidInternetGatewayId.Malformed", () =>
    region.call(DeleteInternetGateway, { InternetGatewayId: "gateway" }),
  );
  refuses(
    "MissingParameter",
    () => region.call(DeleteInternetGateway, { InternetGatewayId: undefined }),
    /internetGatewayId$/,
  );
  const InternetGatewayId = gatewayIn(region);
  refuses("InvalidVpcID.NotFound", () =>
    region.call(AttachInternetGateway, { InternetGatewayId, VpcId: "vpc-1" }),
  );
});

test("detached gateways count for the quota", () => {
  const region = newRegion();
  for (let n = 0; n < 5; n += 1) gatewayIn(region);
  refuses(
    "InternetGatewayLimitExceeded",
    () => gatewayIn(region),
    /^The maximum number of internet gateways has been reached\./,
  );
});

test("filters and pages", () => {
  const region = newRegion({ quotas: { ...newRegion().context().quotas, "internet-gateways": 20 } });
  const ids = Array.from({ length: 7 }, () => gatewayIn(region));
  const VpcId = vpcIn(region);
  region.call(AttachInternetGateway, { InternetGatewayId: must(ids[3]), VpcId });
  for (const [Name, value] of [
    ["attachment.vpc-id", VpcId],
    ["attachment.state", "available"],
  ] as const) {
    const found = region.call(DescribeInternetGateways, {
      Filters: [{ Name, Values: [value] }],
    }).InternetGateways;
    assert.deepEqual(
      found?.map((gateway) => gateway.InternetGatewayId),
      [ids[3]],
    );
  }
  const first = region.call(DescribeInternetGateways, { MaxResults: 5 });
  const second = region.call(DescribeInternetGateways, { MaxResults: 5, NextToken: first.NextToken });
  const seen = [...(first.InternetGateways ?? []), ...(second.InternetGateways ?? [])].map(
    (gateway) => gateway.InternetGatewayId,
  );
  assert.deepEqual(seen, ids);
  assert.equal(second.NextToken, undefined);
});
