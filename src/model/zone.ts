/** An availability zone, as in `us-east-1a` and `use1-az1`. */
export type Zone = { readonly name: string; readonly id: string; readonly number: number };

type RegionFacts = {
  readonly longName: string;
  /** The beginning of its zone ids. */
  readonly zonePrefix: string;
  /** The letters of its zones. */
  readonly zones: string;
  /** An account must opt in to AWS's newer regions. */
  readonly optIn: boolean;
};

function region(longName: string, zonePrefix: string, zones = "abc"): RegionFacts {
  return { longName, zonePrefix, zones, optIn: false };
}

function optInRegion(longName: string, zonePrefix: string, zones = "abc"): RegionFacts {
  return { longName, zonePrefix, zones, optIn: true };
}

/**
 * The regions of the `aws` partition. Real accounts differ in which letter means which id; here it is always
 * the same.
 */
export const REGIONS: Readonly<Record<string, RegionFacts>> = {
  "ap-south-1": region("Asia Pacific (Mumbai)", "aps1"),
  "eu-north-1": region("Europe (Stockholm)", "eun1"),
  "eu-west-3": region("Europe (Paris)", "euw3"),
  "eu-west-2": region("Europe (London)", "euw2"),
  "eu-west-1": region("Europe (Ireland)", "euw1"),
  "ap-northeast-3": region("Asia Pacific (Osaka)", "apne3"),
  "ap-northeast-2": region("Asia Pacific (Seoul)", "apne2", "abcd"),
  "ap-northeast-1": region("Asia Pacific (Tokyo)", "apne1", "acd"),
  "ca-central-1": region("Canada (Central)", "cac1", "abd"),
  "sa-east-1": region("South America (Sao Paulo)", "sae1"),
  "ap-southeast-1": region("Asia Pacific (Singapore)", "apse1"),
  "ap-southeast-2": region("Asia Pacific (Sydney)", "apse2"),
  "eu-central-1": region("Europe (Frankfurt)", "euc1"),
  "us-east-1": region("US East (N. Virginia)", "use1", "abcdef"),
  "us-east-2": region("US East (Ohio)", "use2"),
  "us-west-1": region("US West (N. California)", "usw1", "ac"),
  "us-west-2": region("US West (Oregon)", "usw2", "abcd"),
  "af-south-1": optInRegion("Africa (Cape Town)", "afs1"),
  "ap-east-1": optInRegion("Asia Pacific (Hong Kong)", "ape1"),
  "ap-east-2": optInRegion("Asia Pacific (Taipei)", "ape2"),
  "ap-south-2": optInRegion("Asia Pacific (Hyderabad)", "aps2"),
  "ap-southeast-3": optInRegion("Asia Pacific (Jakarta)", "apse3"),
  "ap-southeast-4": optInRegion("Asia Pacific (Melbourne)", "apse4"),
  "ap-southeast-5": optInRegion("Asia Pacific (Malaysia)", "apse5"),
  "ap-southeast-6": optInRegion("Asia Pacific (New Zealand)", "apse6"),
  "ap-southeast-7": optInRegion("Asia Pacific (Thailand)", "apse7"),
  "ca-west-1": optInRegion("Canada West (Calgary)", "caw1"),
  "eu-central-2": optInRegion("Europe (Zurich)", "euc2"),
  "eu-south-1": optInRegion("Europe (Milan)", "eus1"),
  "eu-south-2": optInRegion("Europe (Spain)", "eus2"),
  "il-central-1": optInRegion("Israel (Tel Aviv)", "ilc1"),
  "me-central-1": optInRegion("Middle East (UAE)", "mec1"),
  "me-south-1": optInRegion("Middle East (Bahrain)", "mes1"),
  "mx-central-1": optInRegion("Mexico (Central)", "mxc1"),
};

/** Regions of AWS's other partitions, with the letters of their zones. */
const OTHER_REGIONS: Readonly<Record<string, string>> = {
  "cn-north-1": "abd",
  "cn-northwest-1": "abc",
  "us-gov-east-1": "abc",
  "us-gov-west-1": "abc",
  "eusc-de-east-1": "abc",
};

/** Whether AWS has a region of this name, in any public partition. */
export function isAwsRegion(name: string): boolean {
  return Object.hasOwn(REGIONS, name) || Object.hasOwn(OTHER_REGIONS, name);
}

/** The AWS partition of a region; partitions have nothing in common. Names unknown to AWS are in `aws`. */
export function partitionOf(name: string): string {
  const [place = "", more = ""] = name.split("-");
  if (!Object.hasOwn(OTHER_REGIONS, name)) return "aws";
  return place === "us" ? `aws-us-${more}` : `aws-${place}`;
}

/** The facts of a region; a name that AWS doesn't have gets three zones. */
export function regionFacts(name: string): RegionFacts {
  const known = Object.hasOwn(REGIONS, name) ? REGIONS[name] : undefined;
  return (
    known ??
    region(name, shortPrefix(name), Object.hasOwn(OTHER_REGIONS, name) ? OTHER_REGIONS[name] : undefined)
  );
}

/**
 * The short name that AWS gives regions of all partitions: `us-gov-east-1` is `usge1`, `cn-northwest-1` is
 * `cnnw1`.
 */
function shortPrefix(name: string): string {
  const [country = "", ...words] = name.split("-");
  const letters = words.map((word) =>
    word.replace(/^(north|south)(east|west)$/, (_, a: string, b: string) => a.charAt(0) + b.charAt(0)),
  );
  return country + letters.map((word) => (/^([ns][ew]|\d+)$/.test(word) ? word : word.charAt(0))).join("");
}

/** The region's zones, in order; there is at least one. */
export function zonesOf(name: string): readonly Zone[] {
  const { zonePrefix, zones } = regionFacts(name);
  const ids = ZONE_IDS[name];
  return [...zones].map((letter, index) => ({
    name: `${name}${letter}`,
    id: `${zonePrefix}-az${ids?.[index] ?? index + 1}`,
    number: index + 1,
  }));
}

/**
 * The numbers in the zone ids of regions that lack some; a missing number has no zone that anybody can use.
 */
const ZONE_IDS: Readonly<Record<string, readonly number[] | undefined>> = {
  "ap-northeast-1": [4, 1, 2],
  "ca-central-1": [1, 2, 4],
  "cn-north-1": [1, 2, 4],
  "us-west-1": [1, 3],
};

/** The zone's id; undefined when the region has no such zone. */
export function zoneIdOf(zone: string, region: string): string | undefined {
  return zonesOf(region).find(({ name }) => name === zone)?.id;
}
