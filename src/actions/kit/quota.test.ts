import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS, type QuotaName } from "../../model/quota.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";

type Try = {
  readonly quota: QuotaName;
  readonly code: string;
  /** What is made again and again; it gets the ids of what stands there. */
  readonly make: (region: TestRegion, ids: { readonly vpc: string; readonly number: number }) => void;
};

const TRIES: readonly Try[] = [
  {
    quota: "vpcs",
    code: "VpcLimitExceeded",
    make: (region) => void region.perform("CreateVpc", { CidrBlock: "10.9.0.0/16" }),
  },
  {
    quota: "subnets-per-vpc",
    code: "SubnetLimitExceeded",
    make: (region, { vpc, number }) =>
      void region.perform("CreateSubnet", { VpcId: vpc, CidrBlock: `10.0.${number}.0/24` }),
  },
  {
    quota: "route-tables-per-vpc",
    code: "RouteTableLimitExceeded",
    make: (region, { vpc }) => void region.perform("CreateRouteTable", { VpcId: vpc }),
  },
  {
    quota: "network-acls-per-vpc",
    code: "NetworkAclLimitExceeded",
    make: (region, { vpc }) => void region.perform("CreateNetworkAcl", { VpcId: vpc }),
  },
  {
    quota: "prefix-lists",
    code: "PrefixListLimitExceeded",
    make: (region, { number }) =>
      void region.perform("CreateManagedPrefixList", {
        PrefixListName: `list${number}`,
        AddressFamily: "IPv4",
        MaxEntries: 1,
      }),
  },
  {
    quota: "block-public-access-exclusions",
    code: "VpcBlockPublicAccessExclusionLimitExceeded",
    make: (region, { number }) => {
      const vpc = must(region.reader().list("vpc")[number]).id;
      region.perform("CreateVpcBlockPublicAccessExclusion", {
        VpcId: vpc,
        InternetGatewayExclusionMode: "allow-egress",
      });
    },
  },
];

for (const { quota, code, make } of TRIES)
  test(`the quota ${quota} is reached: ${code}, which says how to raise it`, () => {
    const region = newRegion({ quotas: { ...DEFAULT_QUOTAS, [quota]: 3 } });
    for (const second of quota === "vpcs" ? [0] : [0, 1, 2, 3])
      region.perform("CreateVpc", { CidrBlock: `10.${second}.0.0/16` });
    const vpc = must(region.reader().list("vpc")[0]).id;
    let made = 0;
    const more = (): void => make(region, { vpc, number: made });
    assert.throws(() => {
      for (; made < 10; made++) more();
    });
    assert.ok(made > 0 && made <= 3, `${made} were made`);
    refuses(code as never, more, new RegExp(`--quota ${quota}=`));
  });
