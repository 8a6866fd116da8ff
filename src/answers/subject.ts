import { isIpv6Text } from "../lib/address.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader, RealmReader } from "../model/state.ts";
import { BadQuestion } from "../protocol/question.ts";

/**
 * An interface that a text means, by an instance's or its own id, by a Name tag, or by one of its addresses.
 */
export type Subject = {
  readonly place: RealmReader;
  readonly eni: NetworkInterface;
  /** The private address that was named, or that the public one stands for; absent: none was. */
  readonly address?: string;
  readonly publicIp?: string;
};

/**
 * The one interface that the text means; undefined: none. @throws BadQuestion with the candidates where
 * several could be meant.
 */
export function subjectOf(places: readonly RealmReader[], text: string): Subject | undefined {
  const found = places.flatMap((place) => (isAddress(text) ? byAddress(place, text) : byName(place, text)));
  if (found.length > 1)
    throw new BadQuestion(`${text} could be ${found.map(nameOf).join(", or ")}: say which, by its id.`);
  return found[0];
}

function isAddress(text: string): boolean {
  return /^[\d.]+$/.test(text) || isIpv6Text(text);
}

function nameOf({ place, eni }: Subject): string {
  const holder = eni.natGatewayId ?? eni.attachment?.instanceId ?? eni.id;
  return `${holder} (${place.realm.region}, ${eni.vpcId})`;
}

function byAddress(place: RealmReader, address: string): readonly Subject[] {
  const { reader } = place;
  const held = reader
    .list("vpc")
    .flatMap(({ id }) =>
      reader
        .by("network-interface", "vpcAddress", `${id}/${address}`)
        .map((eni) => ({ place, eni, address })),
    );
  return held.length > 0 ? held : byPublicIp(place, address);
}

export function byPublicIp(place: RealmReader, publicIp: string): readonly Subject[] {
  const { reader } = place;
  const elastic = reader.by("address", "publicIp", publicIp).flatMap(({ association }) => {
    const eni = association && reader.get("network-interface", association.networkInterfaceId);
    return eni ? [{ place, eni, address: association.privateIpAddress, publicIp }] : [];
  });
  const automatic = reader
    .by("network-interface", "publicIp", publicIp)
    .map((eni) => ({ place, eni, publicIp }));
  return elastic.length > 0 ? elastic : automatic;
}

/**
 * An id, or the Name tag of an instance, an interface or a NAT gateway. Terminated instances have lost
 * theirs.
 */
function byName(place: RealmReader, text: string): readonly Subject[] {
  const { reader } = place;
  const own = reader.get("network-interface", text);
  if (own) return [{ place, eni: own }];
  const instance = reader.get("instance", text);
  if (instance) {
    const eni = primaryOf(reader, text);
    if (!eni) throw new BadQuestion(`${text} is ${instance.state}: it has no network interface.`);
    return [{ place, eni }];
  }
  const gateway = reader.get("nat-gateway", text);
  if (gateway) {
    const found = gatewayInterfaces(place, text);
    if (found.length === 0)
      throw new BadQuestion(`${text} is ${gateway.state}: it has no network interface.`);
    return found;
  }
  if (/^(i|eni|nat)-[0-9a-f]+$/.test(text)) return [];
  const named = <K extends "instance" | "network-interface" | "nat-gateway">(kind: K): readonly string[] =>
    reader.count(kind) > MOST_NAMES
      ? []
      : reader.list(kind).flatMap(({ id, tags }) => (tags["Name"] === text ? [id] : []));
  const instances = named("instance").flatMap((id) => primaryOf(reader, id) ?? []);
  const held = new Set(instances.map(({ id }) => id));
  const interfaces = named("network-interface").flatMap((id) => reader.get("network-interface", id) ?? []);
  return [
    ...[...instances, ...interfaces.filter(({ id }) => !held.has(id))].map((eni) => ({ place, eni })),
    ...named("nat-gateway").flatMap((id) => gatewayInterfaces(place, id).slice(0, 1)),
  ];
}

/** In a region of more the names are not looked through: that would take seconds. */
const MOST_NAMES = 100_000;

function primaryOf(reader: Reader, instanceId: string): NetworkInterface | undefined {
  return reader
    .by("network-interface", "instanceId", instanceId)
    .find(({ attachment }) => attachment?.deviceIndex === 0);
}

function gatewayInterfaces(place: RealmReader, natGatewayId: string): readonly Subject[] {
  return place.reader
    .by("network-interface", "natGatewayId", natGatewayId)
    .slice(0, 1)
    .map((eni) => ({ place, eni }));
}
