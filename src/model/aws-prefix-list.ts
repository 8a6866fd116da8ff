import type { PrefixList } from "./prefix-list.ts";
import type { Reader } from "./state.ts";

/** A prefix list that AWS manages, for one of its services. */
export type AwsPrefixList = PrefixList & { readonly service: string };

/** The prefix lists that AWS itself manages, as far as they are told here. Their ids are those of us-east-1, in every region; the blocks are a part of AWS's. */
export function awsPrefixLists(region: string): readonly AwsPrefixList[] {
  return LISTS.map(({ id, service, cidrs }) => ({
    kind: "prefix-list",
    id,
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

/** The blocks of a user's list or of one that AWS manages; none of a list that is gone. */
export function prefixListEntries(reader: Reader, id: string): PrefixList["entries"] {
  return reader.get("prefix-list", id)?.entries ?? entriesOf(LISTS.find((list) => list.id === id)?.cidrs ?? []);
}

function entriesOf(cidrs: readonly string[]): PrefixList["entries"] {
  return cidrs.map((cidr) => ({ cidr }));
}

const LISTS = [
  { id: "pl-63a5400a", service: "s3", cidrs: ["3.5.0.0/19", "18.34.0.0/19", "52.216.0.0/15", "54.231.0.0/16"] },
  { id: "pl-02cd2c6b", service: "dynamodb", cidrs: ["3.218.180.0/22", "35.71.64.0/22", "52.94.0.0/22", "52.119.224.0/20"] },
] as const;
