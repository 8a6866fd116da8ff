import assert from "node:assert/strict";
import { test } from "node:test";
import { REGIONS, zonesOf } from "../../model/zone.ts";
import { newRegion, refuses } from "../test-region.ts";
import { accountActions } from "./account.ts";
import { regionActions } from "./region.ts";

const { DescribeAvailabilityZones, DescribeRegions } = regionActions;

test("zone ids and names are unique over all regions", () => {
  const zones = Object.keys(REGIONS).flatMap((name) => zonesOf(name));
  assert.equal(new Set(zones.map((zone) => zone.id)).size, zones.length);
  assert.equal(new Set(zones.map((zone) => zone.name)).size, zones.length);
});

test("a region answers with its own zones", () => {
  const region = newRegion({ region: "us-east-1" });
  const zones = region.call(DescribeAvailabilityZones, {}).AvailabilityZones ?? [];
  assert.deepEqual(zones[0], {
    OptInStatus: "opt-in-not-required",
    Messages: [],
    RegionName: "us-east-1",
    ZoneName: "us-east-1a",
    ZoneId: "use1-az1",
    GroupName: "us-east-1-zg-1",
    GroupLongName: "US East (N. Virginia) 1",
    NetworkBorderGroup: "us-east-1",
    ZoneType: "availability-zone",
    State: "available",
  });
  assert.equal(zones.length, 6);
  assert.equal(
    region.call(DescribeAvailabilityZones, { ZoneIds: ["use1-az3"] }).AvailabilityZones?.[0]?.ZoneName,
    "us-east-1c",
  );
  refuses("InvalidParameterValue", () =>
    region.call(DescribeAvailabilityZones, { ZoneNames: ["eu-west-1a"] }),
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(DescribeAvailabilityZones, { Filters: [{ Name: "nope", Values: [] }] }),
    "The filter 'nope' is invalid",
  );
});

test("a region that AWS doesn't have works too", () => {
  const region = newRegion({ region: "moon-east-1", defaultVpc: true });
  assert.equal(region.call(DescribeAvailabilityZones, {}).AvailabilityZones?.length, 3);
  assert.equal(
    region.call(DescribeRegions, { RegionNames: ["moon-east-1"] }).Regions?.[0]?.RegionName,
    "moon-east-1",
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(DescribeRegions, { RegionNames: ["mars-1"] }),
    "Invalid region 'mars-1'",
  );
});

test("the account's default VPC is among its attributes", () => {
  const attribute = (defaultVpc: boolean) =>
    newRegion({ defaultVpc }).call(accountActions.DescribeAccountAttributes, {
      AttributeNames: ["default-vpc"],
    }).AccountAttributes?.[0]?.AttributeValues?.[0]?.AttributeValue;
  assert.equal(attribute(false), "none");
  assert.match(attribute(true) ?? "", /^vpc-/);
});
