import { checkedIssuer, type Issuer } from "../api/web-identity.ts";
import { FEWEST_MACHINES, MOST_MACHINES } from "../box/box-plan.ts";
import type { OwnRegion } from "../home/home.ts";
import { parseToken } from "../join/token.ts";
import { parseIpv4 } from "../lib/address.ts";
import { blocksOverlap, formatBlock, parseIpv4Block } from "../lib/block.ts";
import { ROLES, type Role } from "../model/machine.ts";
import { DEFAULT_QUOTAS, type QuotaName, type Quotas } from "../model/quota.ts";
import { isAwsRegion } from "../model/zone.ts";
import { isRegion } from "../wire/sigv4.ts";

/** What a user may set at start. */
export type Settings = {
  readonly host: string;
  readonly port: number;
  readonly auth: "signature" | "none";
  /** Amazon's, then those of `byoip`. */
  readonly pools: readonly string[];
  /** The ranges that users can bring. */
  readonly byoip: readonly string[];
  readonly quotas: Quotas;
  /** Regions that AWS does not have. */
  readonly ownRegions: readonly string[];
  /** Who signs web identities. */
  readonly issuers: readonly Issuer[];
  /** Where requests for other services are handed on to; absent where they are refused. */
  readonly others?: URL;
  /** Where the state is kept instead of on this machine. */
  readonly etcd?: EtcdSettings;
  /** This machine among the machines of a region; absent where Genkan is one machine. */
  readonly machine?: MachineSettings;
  /** Packets a second with which this gateway is full; absent: its processors say so. */
  readonly gatewayCapacity?: number;
  /** What the start was told of the region's; another of its machines may have been told more. */
  readonly given: RegionOptions;
  /** Routers that a gateway tells of its pools. */
  readonly upstream?: UpstreamSettings;
};

/** The options that are the region's, as they were given; absent: not given. An issuer has its keys, for its file is on one machine only. */
export type RegionOptions = {
  readonly pool?: readonly string[];
  readonly byoip?: readonly string[];
  readonly quota?: readonly string[];
  readonly "own-region"?: readonly string[];
  readonly oidc?: readonly Issuer[];
};

export type UpstreamSettings = {
  readonly routers: readonly { readonly address: string; readonly as: number }[];
  /** The region's own number. */
  readonly as: number;
  /** Where the routers are to send packets; absent: to this machine's address. */
  readonly nextHop?: string;
};

/** What a machine says of itself to its region. */
export type MachineSettings = {
  readonly name: string;
  /** IPv4, on the network between the machines. */
  readonly address: string;
  /** Letters of availability zones; none: every zone. */
  readonly zones: readonly string[];
  readonly roles: readonly Role[];
};

/** Members of an etcd cluster, and what TLS to them takes. */
export type EtcdSettings = {
  readonly endpoints: readonly string[];
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
};

/** How many machines a region in a box has. @throws SettingError */
export function machinesOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < FEWEST_MACHINES || count > MOST_MACHINES)
    throw new SettingError(`--machines ${text}: give ${FEWEST_MACHINES} to ${MOST_MACHINES}.`);
  return count;
}

/** A setting that can't be honoured; its message tells which and why. */
class SettingError extends Error {
  override readonly name = "SettingError";
}

const MAX_POOLS = 8;
const MAX_PUBLIC_ADDRESSES = 1 << 20;

/** @throws SettingError */
export function portOf(text: string | undefined): number {
  const port = Number(text ?? "4566");
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new SettingError(`--port ${text} is not a port: 1 to 65535.`);
  return port;
}

/**
 * Another emulator's address: an origin on this machine, unless `remote` says that it may be elsewhere.
 * @throws SettingError
 */
export function othersOf(
  text: string | undefined,
  { port, remote }: { readonly port: number; readonly remote: boolean },
): URL | undefined {
  if (text === undefined) return undefined;
  const url = originOf(text);
  if (!url) throw new SettingError(`--others ${text} is no address such as http://127.0.0.1:5000.`);
  const isHere = isLoopback(url.hostname);
  if (!isHere && !remote) {
    throw new SettingError(
      `--others ${text} is not on this machine: requests would leave it. Add --others-remote if that is meant.`,
    );
  }
  if (isHere && Number(url.port) === port) throw new SettingError(`--others ${text} is Genkan's own port.`);
  return url;
}

/**
 * The members of an etcd cluster, with commas between. Without TLS they are on this machine.
 * @throws SettingError
 */
export function etcdOf(
  text: string | undefined,
  files: { readonly ca?: string; readonly cert?: string; readonly key?: string },
  read: (path: string) => string,
): EtcdSettings | undefined {
  const given = Object.keys(files)[0];
  if (text === undefined) {
    if (given !== undefined) throw new SettingError(`--etcd-${given} is for --etcd, which is missing.`);
    return undefined;
  }
  const endpoints = text.split(",").map((one) => memberOf(one.trim()));
  const secure = endpoints.filter(({ protocol }) => protocol === "https:").length;
  if (secure > 0 && secure < endpoints.length)
    throw new SettingError(`--etcd ${text}: all members are https:// or all are http://.`);
  const open = endpoints.find(({ hostname }) => secure === 0 && !isLoopback(hostname));
  if (open)
    throw new SettingError(
      `--etcd ${open.origin} is on another machine: use https:// with --etcd-ca, --etcd-cert and --etcd-key.`,
    );
  if (secure > 0 && files.ca === undefined)
    throw new SettingError(
      "--etcd-ca is missing: the certificate of whoever signed those of etcd's members.",
    );
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new SettingError("--etcd-cert and --etcd-key belong together.");
  const contents = Object.fromEntries(
    Object.entries(files).map(([name, path]) => [name, pemOf(name, path, read)]),
  ) as typeof files;
  const { ca } = contents;
  return {
    endpoints: endpoints.map(({ origin }) => origin),
    ...(ca === undefined ? {} : { tls: { ...contents, ca } }),
  };
}

function memberOf(text: string): URL {
  const url = originOf(text);
  if (!url) throw new SettingError(`--etcd ${text} is no address such as http://127.0.0.1:2379.`);
  return url;
}

function pemOf(name: string, path: string, read: (path: string) => string): string {
  let content: string;
  try {
    content = read(path);
  } catch (cause) {
    throw new SettingError(`--etcd-${name} ${path} can't be read: ${(cause as Error).message}`);
  }
  if (!content.includes("-----BEGIN ")) throw new SettingError(`--etcd-${name} ${path} is no PEM file.`);
  return content;
}

/** The address, when it names a server by HTTP and nothing on it. */
function originOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  return isHttp && url?.href === `${url?.origin}/` ? url : undefined;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

type MachineDefaults = {
  /** Where the API listens. */
  readonly host: string;
  readonly hostname: string;
  /** What the machine was last started as, or what is known of one that joins. */
  readonly known: (Pick<OwnRegion["machine"], "address"> & Partial<OwnRegion["machine"]>) | undefined;
};

/**
 * This machine among the machines of a region, whose state is in etcd.
 * @throws SettingError
 */
export function machineOf(
  given: {
    readonly address: string | undefined;
    readonly name: string | undefined;
    readonly zones: readonly string[];
    readonly roles: string | undefined;
  },
  { host, hostname, known }: MachineDefaults,
): MachineSettings | undefined {
  const {
    address = known?.address,
    name = known?.name ?? hostname,
    roles = known?.roles?.join() ?? ROLES.join(),
  } = given;
  const zones = given.zones.length > 0 ? given.zones : (known?.zones ?? []);
  if (address === undefined) {
    if (given.name !== undefined || zones.length > 0 || given.roles !== undefined)
      throw new SettingError("--machine-name, --machine-zone and --machine-roles are for --machine-address.");
    return undefined;
  }
  if (parseIpv4(address) === undefined || address === host)
    throw new SettingError(
      `--machine-address ${address} is no IPv4 address by which other machines reach this one.`,
    );
  const unknown = roles.split(",").find((role) => !isRole(role));
  if (unknown !== undefined)
    throw new SettingError(`--machine-roles ${roles}: '${unknown}' is none of ${ROLES.join(", ")}.`);
  const bad = zones.find((zone) => !/^([a-z-]+-\d+)?[a-z]$/.test(zone));
  if (bad !== undefined)
    throw new SettingError(
      `--machine-zone ${bad} is no zone: give its letter, or a name such as us-east-1a.`,
    );
  return {
    name,
    address,
    zones: zones.map((zone) => zone.slice(-1)),
    roles: roles.split(",").filter(isRole),
  };
}

/**
 * The machine of a region that is asked, `IP:PORT`, and what it printed.
 * @throws SettingError
 */
export function joinOf(joins: boolean, door: string | undefined, token: string | undefined) {
  if (!joins) return undefined;
  const [, address = "", port = ""] = /^([\d.]+):(\d{1,5})$/.exec(door ?? "") ?? [];
  if (parseIpv4(address) === undefined || token === undefined)
    throw new SettingError(
      "Usage: genkan join IP:PORT --token TOKEN. A machine of the region prints the whole command: ./genkan token",
    );
  const parsed = parseToken(token);
  if (!parsed)
    throw new SettingError(
      "The token is incomplete. Copy the whole command that a machine of the region prints: ./genkan token",
    );
  return { address, port: portOf(port), token: parsed };
}

/** Packets a second with which a gateway is full. @throws SettingError */
export function gatewayCapacityOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(text))
    throw new SettingError(`--gateway-capacity ${text}: give packets a second, such as 1000000.`);
  return Number(text);
}

/** A number for private use (RFC 6996). */
const OWN_AS = 64_512;

/**
 * The routers of a gateway, as in `192.0.2.1=64513`.
 * @throws SettingError
 */
export function upstreamOf(
  routers: readonly string[],
  { as, nextHop }: { readonly as: string | undefined; readonly nextHop: string | undefined },
): UpstreamSettings | undefined {
  if (routers.length === 0) {
    if (as !== undefined || nextHop !== undefined)
      throw new SettingError("--bgp-as and --bgp-next-hop are for --bgp, which is missing.");
    return undefined;
  }
  if (nextHop !== undefined && parseIpv4(nextHop) === undefined)
    throw new SettingError(`--bgp-next-hop ${nextHop} is no IPv4 address.`);
  return {
    routers: routers.map((text) => {
      const [address = "", number] = text.split("=");
      if (parseIpv4(address) === undefined || number === undefined)
        throw new SettingError(`--bgp ${text}: give a router's address and number, as in 192.0.2.1=64513.`);
      return { address, as: asOf(number) };
    }),
    as: as === undefined ? OWN_AS : asOf(as),
    ...(nextHop === undefined ? {} : { nextHop }),
  };
}

function asOf(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 0xffff_fffe)
    throw new SettingError(`${text} is no number of an autonomous system: 1 to 4294967294.`);
  return number;
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/**
 * Issuers of web identities, with their keys: `URL=FILE`, the file a JSON Web Key Set (RFC 7517).
 * @throws SettingError
 */
export function issuersOf(texts: readonly string[], read: (path: string) => string): readonly Issuer[] {
  return texts.map((text) => {
    const [, url = "", path = ""] = /^(https?:\/\/[^=\s]+)=(.+)$/.exec(text) ?? [];
    if (url === "")
      throw new SettingError(
        `--oidc ${text}: give an issuer and a file of its keys, as in https://token.example.com=keys.json.`,
      );
    try {
      const { keys } = JSON.parse(read(path)) as { keys: Issuer["keys"] };
      return checkedIssuer({ url, keys });
    } catch (cause) {
      throw new SettingError(`--oidc ${text}: the file is no JSON Web Key Set: ${(cause as Error).message}`);
    }
  });
}

/** Names of regions of the user's own. @throws SettingError for one without the form of a region's name. */
export function ownRegionsOf(names: readonly string[]): readonly string[] {
  const bad = names.find((name) => !isRegion(name));
  if (bad !== undefined)
    throw new SettingError(`--own-region ${bad} has not the form of a region's name, such as my-lab-1.`);
  return names;
}

/** The default region. @throws SettingError for one that neither AWS nor the user has. */
export function regionOf(name: string | undefined, own: readonly string[]): string | undefined {
  if (name === undefined || isAwsRegion(name) || own.includes(name)) return name;
  const hint = isRegion(name)
    ? `Add --own-region ${name} if it is meant to be one of your own.`
    : "A region's name looks like us-east-1.";
  throw new SettingError(`--region ${name} is no region of AWS. ${hint}`);
}

/** An account's id. @throws SettingError */
export function accountOf(text: string | undefined): string | undefined {
  if (text !== undefined && !/^\d{12}$/.test(text))
    throw new SettingError(`--account ${text} is not an account id: 12 digits.`);
  return text;
}

/**
 * The ranges that users can bring, in canonical form; pools have been checked together with them.
 * @throws SettingError for one that is larger or smaller than AWS takes.
 */
export function byoipOf(texts: readonly string[]): readonly string[] {
  return texts.map((text) => {
    const cidr = parseIpv4Block(text);
    if (!cidr || cidr.length < 12 || cidr.length > 24)
      throw new SettingError(`--byoip ${text} is not an IPv4 block of /12 to /24.`);
    return formatBlock(cidr);
  });
}

/**
 * The pools of public addresses in canonical form, Amazon's and then the ranges that users can bring.
 * @throws SettingError for one that is no IPv4 block, too large or small, or overlaps another or the
 * simulated internet.
 */
export function poolsOf(texts: readonly string[], byoip: readonly string[] = []): readonly string[] {
  const internet = { base: 0xc6_33_64_00 as never, length: 24 };
  const pools = [...(texts.length > 0 ? texts : ["203.0.113.0/24"]), ...byoip].map((text) => {
    const cidr = parseIpv4Block(text);
    if (!cidr || cidr.length < 12 || cidr.length > 30)
      throw new SettingError(`--pool ${text} is not an IPv4 block of /12 to /30.`);
    if (blocksOverlap(cidr, internet))
      throw new SettingError(`--pool ${text} overlaps the simulated internet, 198.51.100.0/24.`);
    return cidr;
  });
  if (pools.length > MAX_POOLS) throw new SettingError(`At most ${MAX_POOLS} pools.`);
  if (pools.some((a, index) => pools.slice(index + 1).some((b) => blocksOverlap(a, b))))
    throw new SettingError("The pools overlap one another.");
  if (pools.reduce((sum, cidr) => sum + 2 ** (32 - cidr.length), 0) > MAX_PUBLIC_ADDRESSES)
    throw new SettingError(`The pools hold more than ${MAX_PUBLIC_ADDRESSES} addresses.`);
  return pools.map(formatBlock);
}

/** AWS's default quotas with those given raised: `NAME=N`, or `unlimited` for all. @throws SettingError */
export function quotasOf(texts: readonly string[]): Quotas {
  let quotas: Quotas = DEFAULT_QUOTAS;
  for (const text of texts) {
    if (text === "unlimited") {
      // The rules of lists and the groups of an interface stay within what the kernel's tables hold.
      const all = Object.fromEntries(
        Object.keys(quotas).map((name) => [name, Number.MAX_SAFE_INTEGER]),
      ) as Record<QuotaName, number>;
      quotas = {
        ...all,
        "tags-per-resource": 50,
        "rules-per-network-acl": 2000,
        "rules-per-security-group": 2000,
        "security-groups-per-interface": 16,
      };
      continue;
    }
    const [name = "", value = ""] = text.split("=");
    if (!Object.hasOwn(quotas, name))
      throw new SettingError(
        `--quota ${text}: there is no quota '${name}'. The quotas are: ${Object.keys(quotas).join(", ")}.`,
      );
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw new SettingError(`--quota ${text}: give a number, as in ${name}=100.`);
    quotas = { ...quotas, [name]: Number(value) };
  }
  return quotas;
}
