import type { PrefixList } from "./prefix-list.ts";
import type { Reader } from "./state.ts";

/** A prefix list that AWS manages for one of its services. */
export type AwsPrefixList = PrefixList & { readonly service: string };

/** The prefix lists that AWS manages, as far as Genkan knows them; their blocks are a part of AWS's. */
export function awsPrefixLists(region: string): readonly AwsPrefixList[] {
  return LISTS.map(({ ids, service, cidrs }) => ({
    kind: "prefix-list",
    id: idIn(ids, region),
    tags: {},
    name: `com.amazonaws.${region}.${service}`,
    service,
    addressFamily: "IPv4",
    maxEntries: cidrs.length,
    version: 1,
    entries: entriesOf(cidrs),
    history: [],
  }));
}

export function awsPrefixList(region: string, id: string): PrefixList | undefined {
  return awsPrefixLists(region).find((list) => list.id === id);
}

/** The blocks of a list, whether a user or AWS manages it; none when the list is gone. */
export function prefixListEntries(reader: Reader, id: string): PrefixList["entries"] {
  const own = reader.get("prefix-list", id);
  if (own) return own.entries;
  const region = reader.list("region")[0]?.id ?? "";
  const named =
    LISTS.find(({ ids }) => idIn(ids, region) === id) ??
    LISTS.find(({ ids }) => Object.values(ids).includes(id));
  return entriesOf(named?.cidrs ?? []);
}

type Ids = Readonly<Record<string, string | undefined>> & { readonly "us-east-1": string };

/**
 * The list's id in a region. Ids differ between regions, and the same id may name another service elsewhere.
 * Where the id is not known, it is us-east-1's.
 */
function idIn(ids: Ids, region: string): string {
  return ids[region] ?? ids["us-east-1"];
}

function entriesOf(cidrs: readonly string[]): PrefixList["entries"] {
  return cidrs.map((cidr) => ({ cidr }));
}

const S3: Ids = {
  "us-east-1": "pl-63a5400a",
  "us-east-2": "pl-7ba54012",
  "us-west-1": "pl-6ba54002",
  "us-west-2": "pl-68a54001",
  "ap-northeast-1": "pl-61a54008",
  "ap-northeast-2": "pl-78a54011",
  "ap-south-1": "pl-78a54011",
  "ap-southeast-1": "pl-6fa54006",
  "ap-southeast-2": "pl-6ca54005",
  "ca-central-1": "pl-7da54014",
  "eu-central-1": "pl-6ea54007",
  "eu-north-1": "pl-c3aa4faa",
  "eu-west-1": "pl-6da54004",
  "eu-west-2": "pl-7ca54015",
  "eu-west-3": "pl-23ad484a",
  "sa-east-1": "pl-6aa54003",
};

const DYNAMODB: Ids = {
  "us-east-1": "pl-02cd2c6b",
  "us-east-2": "pl-4ca54025",
  "us-west-1": "pl-6ea54007",
  "us-west-2": "pl-00a54069",
  "ap-northeast-1": "pl-78a54011",
  "ap-northeast-2": "pl-48a54021",
  "ap-south-1": "pl-66a7420f",
  "ap-southeast-1": "pl-67a5400e",
  "ap-southeast-2": "pl-62a5400b",
  "ca-central-1": "pl-4ea54027",
  "eu-central-1": "pl-66a5400f",
  "eu-north-1": "pl-adae4bc4",
  "eu-west-1": "pl-6fa54006",
  "eu-west-2": "pl-b3a742da",
  "eu-west-3": "pl-abb451c2",
  "sa-east-1": "pl-60a54009",
};

const LISTS = [
  { ids: S3, service: "s3", cidrs: ["3.5.0.0/19", "18.34.0.0/19", "52.216.0.0/15", "54.231.0.0/16"] },
  {
    ids: DYNAMODB,
    service: "dynamodb",
    cidrs: ["3.218.180.0/22", "35.71.64.0/22", "52.94.0.0/22", "52.119.224.0/20"],
  },
] as const;
