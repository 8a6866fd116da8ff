import { poolIndex, NO_POOL, poolsOf } from "../contract/pool.ts";
import type { TableReader } from "../contract/tables.ts";
import { isIpv6Text, parseIpv4 } from "../lib/address.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { RealmReader } from "../model/state.ts";
import type { Reader } from "../model/state.ts";
import type { Family } from "../protocol/explain.ts";
import { BadQuestion } from "../protocol/question.ts";
import { isIn } from "../reach/block.ts";
import { blockWith, type End, isWithin, livePeerings } from "../reach/explain/question.ts";
import { addressIn } from "./question-text.ts";
import { byPublicIp, type Subject, subjectOf } from "./subject.ts";

export const INTERNET = "198.51.100.1";
export const INTERNET_IPV6 = "2001:db8:ffff::1";

/**
 * The two ends of a question, and in which families they are asked about. `own`: an address that never leaves
 * the instance.
 */
export type Ends = {
  readonly subject: (family: Family) => End;
  readonly other: (family: Family) => End;
  readonly families: readonly Family[];
  readonly own?: string;
};

type Around = {
  readonly places: readonly RealmReader[];
  readonly tables: TableReader;
  readonly pools: readonly string[];
};

/** What `to` means, as seen from the subject; absent: anyone on the internet. @throws BadQuestion */
export function endsOf(subject: Subject, to: string | undefined, around: Around): Ends {
  // By whichever of its addresses it was named, it is itself that is meant.
  const self: End = { kind: "interface", id: subject.eni.id, ...addressOf(subject) };
  if (to === undefined) {
    const other = (family: Family): End => ({
      kind: "internet",
      address: family === "ipv4" ? INTERNET : INTERNET_IPV6,
      anyone: true,
    });
    return { subject: () => self, other, families: familiesOf(subject) };
  }
  const address = addressIn(to);
  if (address === undefined) return namedEnds(subject, to, around);
  const families: readonly Family[] = [isIpv6Text(address) ? "ipv6" : "ipv4"];
  const own = isIn(address, "nowhere") || address === "::1" || isOwn(subject, address);
  if (own) return { subject: () => self, other: () => ({ kind: "nobody", address }), families, own: address };
  const other = endAt(subject, address, around);
  return { subject: () => self, other: () => other, families };
}

function namedEnds(subject: Subject, to: string, { places }: Around): Ends {
  const here = places.filter(({ realm }) => realm === subject.place.realm);
  const account = places.filter(({ realm }) => realm.account === subject.place.realm.account);
  const found = subjectOf(here, to) ?? subjectOf(account, to);
  if (!found)
    throw new BadQuestion(
      `--to ${to} is neither an address nor the id or the name of an instance, a network interface or a NAT gateway.`,
    );
  const end = interfaceEnd(found);
  const [ours, theirs] = [familiesOf(subject), familiesOf(found)];
  const both = ours.filter((family) => theirs.includes(family));
  const self: End = { kind: "interface", id: subject.eni.id, ...addressOf(subject) };
  return { subject: () => self, other: () => end, families: both.length > 0 ? both : ours };
}

export function interfaceEnd(subject: Subject): End & { readonly kind: "interface" } {
  const { eni, publicIp } = subject;
  return {
    kind: "interface",
    id: eni.id,
    ...addressOf(subject),
    ...(publicIp === undefined ? {} : { publicIp }),
  };
}

function addressOf({ address }: Subject): { readonly address?: string } {
  return address === undefined ? {} : { address };
}

/** Those of its addresses; where one was named, that one's. */
export function familiesOf({ eni, address, publicIp }: Subject): readonly Family[] {
  const named = address ?? publicIp;
  if (named !== undefined) return [isIpv6Text(named) ? "ipv6" : "ipv4"];
  const has: readonly Family[] = [
    ...(eni.privateIpAddresses.length > 0 ? ["ipv4" as const] : []),
    ...((eni.ipv6Addresses ?? []).length > 0 ? ["ipv6" as const] : []),
  ];
  return has.length > 0 ? has : ["ipv4"];
}

/** Whether any interface of the instance has the address: the instance's own kernel takes such packets. */
function isOwn({ place: { reader }, eni }: Subject, address: string): boolean {
  const { attachment } = eni;
  const all = attachment ? reader.by("network-interface", "instanceId", attachment.instanceId) : [eni];
  return all.some((one) => holds(one, address));
}

function holds({ privateIpAddresses, ipv6Addresses = [] }: NetworkInterface, address: string): boolean {
  return privateIpAddresses.includes(address) || ipv6Addresses.includes(address);
}

/** What stands behind an address for the subject: its own VPC's come first, then peers', then public ones. */
function endAt({ place, eni }: Subject, address: string, { places, tables, pools }: Around): End {
  const { reader } = place;
  const vpc = reader.get("vpc", eni.vpcId);
  if (isService(tables, eni, address)) return { kind: "service", address };
  // The account's, its own first.
  const around = [
    place,
    ...places.filter((one) => one !== place && one.realm.account === place.realm.account),
  ];
  const readerIn = (region: string): Reader | undefined =>
    around.find(({ realm }) => realm.region === region)?.reader;
  const near = [vpc, ...livePeerings(reader, eni.vpcId, readerIn).map(({ peer }) => peer)].filter(
    (one) => one !== undefined,
  );
  for (const { id } of near) {
    const [held] = around.flatMap((one) =>
      one.reader.by("network-interface", "vpcAddress", `${id}/${address}`),
    );
    if (held) return { kind: "interface", id: held.id, address };
  }
  if (near.some((one) => blockWith(one, address) !== undefined)) return { kind: "nobody", address };
  const [elsewhere] = around.flatMap((one) =>
    isIpv6Text(address) ? heldByIpv6(one, address) : byPublicIp(one, address),
  );
  if (elsewhere) return interfaceEnd(elsewhere);
  return isNobodys(places, pools, address)
    ? { kind: "nobody", address }
    : { kind: "internet", address, anyone: false };
}

function isService(tables: TableReader, eni: NetworkInterface, address: string): boolean {
  const vpc = tables.lookup("interfaces", eni.slot)?.vpc;
  const resolver = vpc === undefined ? undefined : tables.lookup("vpcs", vpc)?.dns;
  return address === resolver || isIn(address, "linkLocal") || isWithin(IPV6_SERVICES, address);
}

const IPV6_SERVICES = "fd00:ec2::/32";

function heldByIpv6(place: RealmReader, address: string): readonly Subject[] {
  const { reader } = place;
  return reader
    .list("vpc")
    .flatMap(({ id }) =>
      reader
        .by("network-interface", "vpcAddress", `${id}/${address}`)
        .map((eni) => ({ place, eni, address })),
    );
}

/**
 * Whether the address, which no interface of this region has, lies in a public pool or in a VPC's IPv6 block.
 */
function isNobodys(places: readonly RealmReader[], pools: readonly string[], address: string): boolean {
  if (parseIpv4(address) !== undefined) return poolIndex(poolsOf(pools), address) !== NO_POOL;
  return places.some(({ reader }) => reader.list("vpc").some((vpc) => blockWith(vpc, address) !== undefined));
}
