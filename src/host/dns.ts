import packet, { type Answer, type DecodedPacket, type Packet, type Question } from "dns-packet";
import { isIpv6Text, parseIpv4 } from "../lib/address.ts";
import { embeddedIpv4, isNat64, nat64Address } from "../lib/nat64.ts";
import { privateDnsDomain, privateDnsName, publicDnsName } from "../model/dns-name.ts";
import type { Asker, InstanceDirectory } from "./directory.ts";
import { endpointAddresses } from "./dns-endpoint.ts";
import { INTERNET_IPV4, INTERNET_IPV6, MACHINE_IPV4, METADATA_IPV4 } from "./installation.ts";

/** Names of the simulated internet, under a top-level domain that is reserved for examples (RFC 6761). */
const INTERNET_NAMES: Readonly<Record<string, readonly string[]>> = {
  "internet.example": [INTERNET_IPV4, INTERNET_IPV6],
  "www.internet.example": [INTERNET_IPV4, INTERNET_IPV6],
  "machine.internet.example": [MACHINE_IPV4],
};

/** Who asks: an interface of a VPC, or a host of the simulated internet. */
export type Viewer = { readonly kind: "vpc"; readonly asker: Asker } | { readonly kind: "internet" };

const TTL_SECONDS = 60;
const RCODE = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const AUTHORITATIVE_ANSWER = 1 << 10;
const RECURSION_AVAILABLE = 1 << 7;
const RECURSION_DESIRED = 1 << 8;

/**
 * The answer to a query (RFC 1035), or undefined when it is no query. It knows private names in the asker's
 * VPC, public names (inside their own VPC: the private address), reverse names of both, names of interface
 * endpoints and their services, and the simulated internet's names. It never asks another server: a name that
 * it doesn't know does not exist.
 */
export function answerDns(
  query: Uint8Array,
  viewer: Viewer | undefined,
  directory: InstanceDirectory,
): Uint8Array | undefined {
  const bytes = Buffer.from(query);
  if (bytes.length < 12 || bytes.readUInt16BE(2) & 0x8000) return undefined;
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  // Thousands of questions in one query would each be read, and none answered.
  if (!isPlain(bytes)) return packet.encode({ type: "response", id, flags: RCODE.FORMERR });
  let decoded: DecodedPacket;
  try {
    decoded = packet.decode(bytes);
  } catch {
    return packet.encode({ type: "response", id, flags: RCODE.FORMERR });
  }
  const question = decoded.questions?.[0];
  const respond = (rcode: number, answers: Answer[] = []): Uint8Array =>
    encode({
      id,
      flags: (flags & RECURSION_DESIRED) | RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | rcode,
      question,
      answers,
    });
  if (((flags >> 11) & 15) !== 0) return respond(RCODE.NOTIMP);
  if (!question) return respond(RCODE.FORMERR);
  if (!viewer || (question.class ?? "IN") !== "IN") return respond(RCODE.REFUSED);
  const found = lookUp(question, viewer, directory);
  return found === undefined ? respond(RCODE.NXDOMAIN) : respond(RCODE.NOERROR, [...found]);
}

/**
 * Whether a query has one question, no answers, and at most a few other records with options (RFC 1035
 * section 4.1.1, RFC 6891, RFC 8945).
 */
function isPlain(query: Buffer): boolean {
  return (
    query.readUInt16BE(4) === 1 &&
    query.readUInt16BE(6) === 0 &&
    query.readUInt16BE(8) === 0 &&
    query.readUInt16BE(10) <= 2
  );
}

type Response = {
  readonly id: number;
  readonly flags: number;
  readonly question: Question | undefined;
  readonly answers: Answer[];
};

function encode({ id, flags, question, answers }: Response): Uint8Array {
  const response: Packet = { type: "response", id, flags, questions: question ? [question] : [], answers };
  try {
    return packet.encode(response);
  } catch {
    // A question that can be decoded but not encoded again, such as one with an unknown type.
    return packet.encode({ type: "response", id, flags: (flags & ~15) | RCODE.FORMERR });
  }
}

/**
 * The records of the name; an empty list when the name exists without that type, undefined when it does not
 * exist.
 */
function lookUp(
  question: Question,
  viewer: Viewer,
  directory: InstanceDirectory,
): readonly Answer[] | undefined {
  const asked = question.name;
  const type: string = question.type;
  const name = asked.toLowerCase().replace(/\.$/, "");
  const synthetic = hasDns64(viewer) ? nat64Reverse(name) : undefined;
  if (synthetic !== undefined)
    return reverseOfNat64({ ...question, name: asked }, synthetic, viewer, directory);
  const pointed = reverse(name);
  if (pointed !== undefined) {
    const target = nameOf(pointed, viewer, directory);
    if (target === undefined) return undefined;
    return type === "PTR" || type === "ANY"
      ? [{ type: "PTR", name: asked, ttl: TTL_SECONDS, class: "IN", data: target }]
      : [];
  }
  const addresses = addressesOf(name, viewer, directory);
  return withDns64(addresses, type, viewer)?.flatMap((data): Answer[] => {
    const own = isIpv6Text(data) ? "AAAA" : "A";
    // An instance without IPv6 would only lose time on an address that it cannot reach.
    if (
      (own === "AAAA" && viewer.kind === "vpc" && !viewer.asker.eni.ipv6Addresses?.length) ||
      (type !== own && type !== "ANY")
    )
      return [];
    return [{ type: own, name: asked, ttl: TTL_SECONDS, class: "IN", data }];
  });
}

/**
 * DNS64, in subnets where it is on (RFC 6147, section 5.1; VPC user guide, "DNS64 and NAT64"): a question for
 * the IPv6 addresses of a name without any is answered by its IPv4 addresses in NAT64's form. Link-local ones
 * are left out: the instance reaches them itself.
 */
function withDns64(
  addresses: readonly string[] | undefined,
  type: string,
  viewer: Viewer,
): readonly string[] | undefined {
  if (type !== "AAAA" || !hasDns64(viewer) || addresses?.some((address) => isIpv6Text(address)))
    return addresses;
  return addresses?.filter((address) => !address.startsWith("169.254.")).map(nat64Address);
}

function hasDns64(viewer: Viewer): boolean {
  return viewer.kind === "vpc" && viewer.asker.subnet.enableDns64 === true;
}

function addressesOf(
  name: string,
  viewer: Viewer,
  directory: InstanceDirectory,
): readonly string[] | undefined {
  if (Object.hasOwn(INTERNET_NAMES, name)) return INTERNET_NAMES[name];
  const publicIp = publicIpIn(name);
  if (publicIp !== undefined) {
    const holder = directory.byPublicIp(publicIp);
    if (!holder?.vpc.enableDnsHostnames || publicDnsName(publicIp, holder.realm.region) !== name)
      return undefined;
    const inside = viewer.kind === "vpc" && viewer.asker.vpc.id === holder.vpc.id;
    return [inside ? holder.privateIp : publicIp];
  }
  if (viewer.kind !== "vpc") return undefined;
  const behind = endpointAddresses(name, viewer.asker);
  if (behind !== undefined) return behind;
  const { reader, region, vpc } = viewer.asker;
  const domain = privateDnsDomain(region);
  if (name === `instance-data.${domain}`) return [METADATA_IPV4];
  if (!name.endsWith(`.${domain}`)) return undefined;
  const label = name.slice(0, -domain.length - 1);
  const privateIp = /^ip-(\d+-\d+-\d+-\d+)$/.exec(label)?.[1]?.replaceAll("-", ".");
  if (privateIp === undefined || parseIpv4(privateIp) === undefined) return undefined;
  return reader.by("network-interface", "vpcAddress", `${vpc.id}/${privateIp}`).length > 0
    ? [privateIp]
    : undefined;
}

function nameOf(address: string, viewer: Viewer, directory: InstanceDirectory): string | undefined {
  if (viewer.kind === "vpc") {
    const { reader, region, vpc } = viewer.asker;
    if (reader.by("network-interface", "vpcAddress", `${vpc.id}/${address}`).length > 0)
      return privateDnsName(address, region);
  }
  if (address === INTERNET_IPV4) return "internet.example";
  if (address === MACHINE_IPV4) return "machine.internet.example";
  const given = directory.ptrRecordOf(address);
  if (given !== undefined) return given.replace(/\.$/, "");
  const holder = directory.byPublicIp(address);
  return holder?.vpc.enableDnsHostnames ? publicDnsName(address, holder.realm.region) : undefined;
}

function publicIpIn(name: string): string | undefined {
  const ip = /^ec2-(\d+-\d+-\d+-\d+)\.[a-z0-9.-]+\.amazonaws\.com$/.exec(name)?.[1]?.replaceAll("-", ".");
  return ip !== undefined && parseIpv4(ip) !== undefined ? ip : undefined;
}

/**
 * The name of a synthetic address in reverse is another name of the IPv4 address's (RFC 6147, section 5.3.1).
 */
function reverseOfNat64(
  { name, type }: Question,
  ipv4: string,
  viewer: Viewer,
  directory: InstanceDirectory,
): readonly Answer[] {
  const data = `${ipv4.split(".").toReversed().join(".")}.in-addr.arpa`;
  const alias: Answer = { type: "CNAME", name, ttl: TTL_SECONDS, class: "IN", data };
  return [alias, ...(lookUp({ name: data, type, class: "IN" }, viewer, directory) ?? [])];
}

/**
 * The IPv4 address within that of 64:ff9b::/96 which a name under ip6.arpa stands for (RFC 3596, section
 * 2.5).
 */
function nat64Reverse(name: string): string | undefined {
  const nibbles = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1]?.replaceAll(".", "");
  const groups = nibbles && [...nibbles].toReversed().join("").match(/.{4}/g)?.join(":");
  return groups !== undefined && groups !== "" && isNat64(groups) ? embeddedIpv4(groups) : undefined;
}

/** The address that a name under in-addr.arpa stands for (RFC 1035 section 3.5). */
function reverse(name: string): string | undefined {
  const octets = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name)?.slice(1);
  const text = octets?.toReversed().join(".");
  return text !== undefined && parseIpv4(text) !== undefined ? text : undefined;
}
