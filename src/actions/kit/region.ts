import type {
  AvailabilityZone,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
  Region as RegionAnswer,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { isAwsRegion, partitionOf, REGIONS, regionFacts, zonesOf } from "../../model/zone.ts";
import type { Action, Context } from "./action.ts";
import { type FilterFields, filtered } from "./describe.ts";
import { required } from "./parameter.ts";

/**
 * Whether there is a region of this name: one of AWS's, the one asked, or another that the account has here.
 */
export function isKnownRegion(
  name: string,
  { region, hasRegion }: Pick<Context, "region" | "hasRegion">,
): boolean {
  return name === region || isAwsRegion(name) || hasRegion?.(name) === true;
}

/** Whether it is one that the region asked can have to do with: no other of AWS's partitions. */
export function isRegionInReach(name: string, context: Pick<Context, "region" | "hasRegion">): boolean {
  return isKnownRegion(name, context) && partitionOf(name) === partitionOf(context.region);
}

/**
 * The region that something is copied from. @throws MissingParameter; InvalidParameterValue for one out of
 * reach.
 */
export function sourceRegionOf(name: string | undefined, context: Context): string {
  const region = required(name, "sourceRegion");
  if (isRegionInReach(region, context)) return region;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${region.slice(0, 64)}) for parameter sourceRegion is invalid.`,
  );
}

/** Every region of AWS, and the one asked; all are usable without opting in. */
const DescribeRegions: Action<DescribeRegionsRequest, DescribeRegionsResult> = (_tx, input, context) => {
  const names = new Set([...Object.keys(REGIONS), context.region]);
  const unknown = input.RegionNames?.filter((name) => !names.has(name)) ?? [];
  if (unknown.length > 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Invalid region${unknown.length > 1 ? "s" : ""} '${unknown.join(", ")}'`,
    );
  }
  const asked = input.RegionNames && input.RegionNames.length > 0 ? new Set(input.RegionNames) : names;
  const regions = [...names].filter((name) => asked.has(name)).map(describedRegion);
  return { Regions: [...filtered(regions, input.Filters, REGION_FIELDS)] };
};

type RegionItem = RegionAnswer & { readonly tags?: Tags };

function describedRegion(name: string): RegionItem {
  const OptInStatus = regionFacts(name).optIn ? "opted-in" : "opt-in-not-required";
  return { RegionName: name, Endpoint: `ec2.${name}.amazonaws.com`, OptInStatus };
}

const REGION_FIELDS: FilterFields<RegionItem> = {
  endpoint: (region) => region.Endpoint,
  "opt-in-status": (region) => region.OptInStatus,
  "region-name": (region) => region.RegionName,
};

const DescribeAvailabilityZones: Action<DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult> = (
  _tx,
  input,
  context,
) => {
  const zones = describedZones(context.region);
  const unknownName = input.ZoneNames?.find((name) => !zones.some((zone) => zone.ZoneName === name));
  if (unknownName !== undefined)
    throw new Fault("InvalidParameterValue", `Invalid availability zone: [${unknownName}]`);
  const unknownId = input.ZoneIds?.find((id) => !zones.some((zone) => zone.ZoneId === id));
  if (unknownId !== undefined)
    throw new Fault("InvalidParameterValue", `Invalid availability zone-id: [${unknownId}]`);
  const asked = zones.filter(
    (zone) => isAmong(input.ZoneNames, zone.ZoneName) && isAmong(input.ZoneIds, zone.ZoneId),
  );
  return { AvailabilityZones: [...filtered(asked, input.Filters, ZONE_FIELDS)] };
};

function isAmong(list: readonly string[] | undefined, value: string | undefined): boolean {
  return !list || list.length === 0 || (value !== undefined && list.includes(value));
}

type ZoneItem = AvailabilityZone & { readonly tags?: Tags };

function describedZones(region: string): readonly ZoneItem[] {
  const { longName } = regionFacts(region);
  return zonesOf(region).map(({ name, id }) => ({
    OptInStatus: "opt-in-not-required",
    Messages: [],
    RegionName: region,
    ZoneName: name,
    ZoneId: id,
    GroupName: `${region}-zg-1`,
    GroupLongName: `${longName} 1`,
    NetworkBorderGroup: region,
    ZoneType: "availability-zone",
    State: "available",
  }));
}

const ZONE_FIELDS: FilterFields<ZoneItem> = {
  "group-long-name": (zone) => zone.GroupLongName,
  "group-name": (zone) => zone.GroupName,
  message: () => undefined,
  "opt-in-status": (zone) => zone.OptInStatus,
  "parent-zone-id": () => undefined,
  "parent-zone-name": () => undefined,
  "region-name": (zone) => zone.RegionName,
  state: (zone) => zone.State,
  "zone-id": (zone) => zone.ZoneId,
  "zone-name": (zone) => zone.ZoneName,
  "zone-type": (zone) => zone.ZoneType,
};

export const regionActions = { DescribeRegions, DescribeAvailabilityZones };
