import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";

const ask = (region: TestRegion, operation: string, input: object, pattern: RegExp): string =>
  must(pattern.exec(JSON.stringify(region.perform(operation, input)))?.[0]);
const list = (region: TestRegion, more: object = {}): string =>
  ask(
    region,
    "CreateManagedPrefixList",
    { PrefixListName: "offices", AddressFamily: "IPv4", MaxEntries: 3, ...more },
    /pl-[0-9a-f]{17}/,
  );
const entries = (region: TestRegion, PrefixListId: string, TargetVersion?: number): readonly string[] =>
  [
    ...JSON.stringify(
      region.perform("GetManagedPrefixListEntries", { PrefixListId, TargetVersion }),
    ).matchAll(/"Cidr":"([^"]+)"/g),
  ].map(([, cidr]) => cidr ?? "");

test("a prefix list has versions: entries make a new one, a name or a size does not", () => {
  const region = newRegion();
  const PrefixListId = list(region, { Entries: [{ Cidr: "10.1.2.3/8", Description: "all" }] });
  assert.deepEqual(entries(region, PrefixListId), ["10.0.0.0/8"]);
  const modify = (more: object): unknown =>
    region.perform("ModifyManagedPrefixList", { PrefixListId, ...more });
  refuses(
    "PrefixListVersionMismatch",
    () => modify({ CurrentVersion: 2, AddEntries: [{ Cidr: "192.0.2.0/24" }] }),
    "The prefix list has the incorrect version number.",
  );
  refuses("InvalidParameterCombination", () =>
    modify({ CurrentVersion: 1, MaxEntries: 9, AddEntries: [{ Cidr: "192.0.2.0/24" }] }),
  );
  refuses(
    "InvalidPrefixListModification",
    () => modify({ CurrentVersion: 1, AddEntries: [{ Cidr: "10.0.0.0/8", Description: "all" }] }),
    "An entry with the CIDR (10.0.0.0/8) and description (all) already exists.",
  );
  refuses("InvalidPrefixListModification", () =>
    modify({ CurrentVersion: 1, RemoveEntries: [{ Cidr: "192.0.2.0/24" }] }),
  );
  refuses("InvalidParameterValue", () =>
    modify({ CurrentVersion: 1, AddEntries: [{ Cidr: "2001:db8::/32" }] }),
  );
  modify({
    CurrentVersion: 1,
    AddEntries: [{ Cidr: "192.0.2.0/24" }],
    RemoveEntries: [{ Cidr: "10.0.0.0/8" }],
  });
  modify({ PrefixListName: "places", MaxEntries: 2 });
  const described = JSON.stringify(
    region.perform("DescribeManagedPrefixLists", { PrefixListIds: [PrefixListId] }),
  );
  assert.match(described, /"PrefixListName":"places".*"MaxEntries":2,"Version":2/);
  assert.deepEqual(
    [entries(region, PrefixListId), entries(region, PrefixListId, 1)],
    [["192.0.2.0/24"], ["10.0.0.0/8"]],
  );
  refuses("PrefixListVersionNotFound", () => entries(region, PrefixListId, 3));
  region.perform("RestoreManagedPrefixListVersion", { PrefixListId, PreviousVersion: 1, CurrentVersion: 2 });
  assert.deepEqual(entries(region, PrefixListId), ["10.0.0.0/8"]);
  refuses("PrefixListMaxEntriesExceeded", () =>
    modify({ CurrentVersion: 3, AddEntries: [{ Cidr: "192.0.2.0/25" }, { Cidr: "192.0.2.128/25" }] }),
  );
});

test("a prefix list counts for its maximum of entries in rules and routes, and can't be deleted while one names it", () => {
  const region = newRegion({
    quotas: { ...DEFAULT_QUOTAS, "routes-per-table": 4, "rules-per-security-group": 4 },
  });
  const VpcId = ask(region, "CreateVpc", { CidrBlock: "10.0.0.0/16" }, /vpc-[0-9a-f]{17}/);
  const vpc = must(region.reader().get("vpc", VpcId));
  const [RouteTableId, GroupId] = [vpc.mainRouteTable.routeTableId, vpc.defaultSecurityGroupId];
  const GatewayId = ask(region, "CreateInternetGateway", {}, /igw-[0-9a-f]{17}/);
  region.perform("AttachInternetGateway", { VpcId, InternetGatewayId: GatewayId });
  const PrefixListId = list(region);
  region.perform("CreateRoute", { RouteTableId, DestinationPrefixListId: PrefixListId, GatewayId });
  refuses("RouteAlreadyExists", () =>
    region.perform("CreateRoute", { RouteTableId, DestinationPrefixListId: PrefixListId, GatewayId }),
  );
  const tables = JSON.stringify(region.perform("DescribeRouteTables", { RouteTableIds: [RouteTableId] }));
  assert.match(tables, new RegExp(`"DestinationPrefixListId":"${PrefixListId}"`));
  region.perform("CreateRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId });
  refuses("RouteLimitExceeded", () =>
    region.perform("CreateRoute", { RouteTableId, DestinationCidrBlock: "192.0.2.0/24", GatewayId }),
  );
  const rule = {
    GroupId,
    IpPermissions: [{ IpProtocol: "-1", PrefixListIds: [{ PrefixListId, Description: "offices" }] }],
  };
  region.perform("AuthorizeSecurityGroupIngress", rule);
  const groups = JSON.stringify(region.perform("DescribeSecurityGroups", { GroupIds: [GroupId] }));
  assert.match(
    groups,
    new RegExp(`"PrefixListIds":\\[\\{"Description":"offices","PrefixListId":"${PrefixListId}"`),
  );
  refuses("RulesPerSecurityGroupLimitExceeded", () =>
    region.perform("AuthorizeSecurityGroupIngress", {
      GroupId,
      IpPermissions: [{ IpProtocol: "tcp", FromPort: 1, ToPort: 1, IpRanges: [{ CidrIp: "10.0.0.0/8" }] }],
    }),
  );
  const named = JSON.stringify(region.perform("GetManagedPrefixListAssociations", { PrefixListId }));
  assert.match(named, new RegExp(`${RouteTableId}.*${GroupId}`));
  const state = (answer: unknown): string | undefined =>
    /"State":"([a-z-]+)"/.exec(JSON.stringify(answer))?.[1];
  const now = () => state(region.perform("DescribeManagedPrefixLists", { PrefixListIds: [PrefixListId] }));
  assert.equal(state(region.perform("DeleteManagedPrefixList", { PrefixListId })), "delete-in-progress");
  assert.equal(now(), "delete-failed");
  region.perform("ModifyManagedPrefixList", { PrefixListId, PrefixListName: "still" });
  assert.notEqual(now(), "delete-failed");
  region.perform("DeleteRoute", { RouteTableId, DestinationPrefixListId: PrefixListId });
  region.perform("RevokeSecurityGroupIngress", rule);
  region.perform("DeleteManagedPrefixList", { PrefixListId });
  refuses(
    "InvalidPrefixListID.NotFound",
    () => entries(region, PrefixListId),
    `The prefix list ID '${PrefixListId}' does not exist`,
  );
});

test("AWS's own lists are described, and nobody can change them", () => {
  const region = newRegion();
  const lists = JSON.stringify(
    region.perform("DescribeManagedPrefixLists", { Filters: [{ Name: "owner-id", Values: ["AWS"] }] }),
  );
  assert.match(lists, /"PrefixListId":"pl-63a5400a","PrefixListName":"com.amazonaws.us-east-1.s3"/);
  assert.match(
    JSON.stringify(region.perform("DescribePrefixLists", { PrefixListIds: ["pl-63a5400a"] })),
    /"Cidrs":\["3\.5\.0\.0\/19"/,
  );
  refuses("InvalidPrefixListId.NotFound", () =>
    region.perform("DescribePrefixLists", { PrefixListIds: [list(region)] }),
  );
  refuses("OperationNotPermitted", () =>
    region.perform("DeleteManagedPrefixList", { PrefixListId: "pl-63a5400a" }),
  );
});

test("a list that AWS manages counts as one route and one rule, however many blocks it has", () => {
  const region = newRegion({
    quotas: { ...DEFAULT_QUOTAS, "routes-per-table": 2, "rules-per-security-group": 2 },
  });
  const VpcId = ask(region, "CreateVpc", { CidrBlock: "10.0.0.0/16" }, /vpc-[0-9a-f]{17}/);
  const RouteTableId = ask(region, "CreateRouteTable", { VpcId }, /rtb-[0-9a-f]{17}/);
  const InternetGatewayId = ask(region, "CreateInternetGateway", {}, /igw-[0-9a-f]{17}/);
  region.perform("AttachInternetGateway", { VpcId, InternetGatewayId });
  const route = (DestinationPrefixListId: string): unknown =>
    region.perform("CreateRoute", { RouteTableId, DestinationPrefixListId, GatewayId: InternetGatewayId });
  route("pl-63a5400a");
  route("pl-02cd2c6b");
  const own = list(region);
  refuses("RouteLimitExceeded", () => route(own));
  const GroupId = ask(
    region,
    "CreateSecurityGroup",
    { VpcId, GroupName: "web", Description: "web" },
    /sg-[0-9a-f]{17}/,
  );
  const admit = (PrefixListId: string): unknown =>
    region.perform("AuthorizeSecurityGroupIngress", {
      GroupId,
      IpPermissions: [{ IpProtocol: "-1", PrefixListIds: [{ PrefixListId }] }],
    });
  admit("pl-63a5400a");
  admit("pl-02cd2c6b");
  refuses("RulesPerSecurityGroupLimitExceeded", () => admit(own));
});
