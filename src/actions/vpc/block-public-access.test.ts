import assert from "node:assert/strict";
import { test } from "node:test";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { purgeExclusions } from "./block-public-access.ts";

const modeOf = (region: TestRegion, operation: "DescribeVpcs" | "DescribeSubnets"): readonly string[] =>
  [
    ...JSON.stringify(region.perform(operation, {})).matchAll(
      /"BlockPublicAccessStates":\{"InternetGatewayBlockMode":"([a-z-]+)"/g,
    ),
  ].map((found) => found[1] ?? "");

test("Block Public Access: off at first, blocks the region, spares exclusions, a subnet's exclusion before its VPC's", () => {
  const region = newRegion();
  const ask = (operation: string, input: object, pattern: RegExp): string =>
    must(pattern.exec(JSON.stringify(region.perform(operation, input)))?.[0]);
  const VpcId = ask("CreateVpc", { CidrBlock: "10.0.0.0/16" }, /vpc-[0-9a-f]{17}/);
  const SubnetId = ask("CreateSubnet", { VpcId, CidrBlock: "10.0.1.0/24" }, /subnet-[0-9a-f]{17}/);
  const options = (): string => JSON.stringify(region.perform("DescribeVpcBlockPublicAccessOptions", {}));
  assert.match(options(), /"State":"default-state","InternetGatewayBlockMode":"off"/);
  refuses("InvalidParameterValue", () =>
    region.perform("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "all" }),
  );
  const answer = JSON.stringify(
    region.perform("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "block-bidirectional" }),
  );
  assert.match(answer, /"State":"update-in-progress","InternetGatewayBlockMode":"block-bidirectional"/);
  assert.match(options(), /"State":"update-complete","InternetGatewayBlockMode":"block-bidirectional"/);
  assert.deepEqual(
    [modeOf(region, "DescribeVpcs"), modeOf(region, "DescribeSubnets")],
    [["block-bidirectional"], ["block-bidirectional"]],
  );

  const exclude = (more: object): string =>
    ask("CreateVpcBlockPublicAccessExclusion", more, /vpcbpa-exclude-[0-9a-f]{17}/);
  refuses("InvalidParameterCombination", () => exclude({ InternetGatewayExclusionMode: "allow-egress" }));
  refuses("InvalidParameterCombination", () =>
    exclude({ InternetGatewayExclusionMode: "allow-egress", VpcId, SubnetId }),
  );
  refuses("InvalidParameterValue", () => exclude({ InternetGatewayExclusionMode: "allow-all", VpcId }));
  refuses("InvalidVpcID.NotFound", () =>
    exclude({ InternetGatewayExclusionMode: "allow-egress", VpcId: "vpc-00000000000000000" }),
  );
  exclude({ InternetGatewayExclusionMode: "allow-bidirectional", VpcId });
  const ExclusionId = exclude({ InternetGatewayExclusionMode: "allow-egress", SubnetId });
  refuses(
    "InvalidParameterValue",
    () => exclude({ InternetGatewayExclusionMode: "allow-egress", SubnetId }),
    /already exists/,
  );
  assert.deepEqual(
    [modeOf(region, "DescribeVpcs"), modeOf(region, "DescribeSubnets")],
    [["off"], ["block-ingress"]],
  );
  region.advance(1000);
  region.perform("ModifyVpcBlockPublicAccessExclusion", {
    ExclusionId,
    InternetGatewayExclusionMode: "allow-bidirectional",
  });
  assert.deepEqual(modeOf(region, "DescribeSubnets"), ["off"]);
  region.perform("CreateTags", { Resources: [ExclusionId], Tags: [{ Key: "Why", Value: "test" }] });
  const described = (): string =>
    JSON.stringify(
      region.perform("DescribeVpcBlockPublicAccessExclusions", {
        Filters: [{ Name: "tag:Why", Values: ["test"] }],
      }),
    );
  assert.match(
    described(),
    new RegExp(
      `"ResourceArn":"arn:aws:ec2:us-east-1:123456789012:subnet/${SubnetId}","State":"update-complete"`,
    ),
  );
  region.perform("DeleteVpcBlockPublicAccessExclusion", { ExclusionId });
  assert.match(described(), /"State":"delete-complete"/);
  refuses("InvalidVpcBlockPublicAccessExclusionId.NotFound", () =>
    region.perform("DeleteVpcBlockPublicAccessExclusion", { ExclusionId }),
  );
  region.advance(3_600_000);
  region.change(purgeExclusions);
  assert.doesNotMatch(described(), /delete-complete/);
});
