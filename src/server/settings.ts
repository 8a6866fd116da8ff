import { cidrsOverlap, formatCidr, parseCidr } from "../lib/cidr.ts";
import { isAwsRegion } from "../actions/zone.ts";
import { isRegion } from "../wire/sigv4.ts";
import { checkedIssuer, type Issuer } from "./web-identity.ts";
import { DEFAULT_QUOTAS, type QuotaName, type Quotas } from "../model/quota.ts";

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
};

/** A setting that can't be honoured; its message tells which and why. */
class SettingError extends Error {
  override readonly name = "SettingError";
}

const MAX_POOLS = 8;
const MAX_PUBLIC_ADDRESSES = 1 << 20;

/** @throws SettingError */
export function portOf(text: string | undefined): number {
  const port = Number(text ?? "4566");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new SettingError(`--port ${text} is not a port: 1 to 65535.`);
  return port;
}

/**
 * Another emulator's address: an origin on this machine, unless `remote` says that it may be elsewhere.
 * @throws SettingError
 */
export function othersOf(text: string | undefined, { port, remote }: { readonly port: number; readonly remote: boolean }): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url && (url.protocol === "http:" || url.protocol === "https:") && url.href === `${url.origin}/`;
  if (!isOrigin) throw new SettingError(`--others ${text} is no address such as http://127.0.0.1:5000.`);
  const isHere = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (!isHere && !remote) {
    throw new SettingError(`--others ${text} is not on this machine: requests would leave it. Add --others-remote if that is meant.`);
  }
  if (isHere && Number(url.port) === port) throw new SettingError(`--others ${text} is Genkan's own port.`);
  return url;
}

/**
 * Issuers of web identities, with their keys: `URL=FILE`, the file a JSON Web Key Set (RFC 7517).
 * @throws SettingError
 */
export function issuersOf(texts: readonly string[], read: (path: string) => string): readonly Issuer[] {
  return texts.map((text) => {
    const [, url = "", path = ""] = /^(https?:\/\/[^=\s]+)=(.+)$/.exec(text) ?? [];
    if (url === "")
      throw new SettingError(`--oidc ${text}: give an issuer and a file of its keys, as in https://token.example.com=keys.json.`);
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
  if (bad !== undefined) throw new SettingError(`--own-region ${bad} has not the form of a region's name, such as my-lab-1.`);
  return names;
}

/** The default region. @throws SettingError for one that neither AWS nor the user has. */
export function regionOf(name: string | undefined, own: readonly string[]): string | undefined {
  if (name === undefined || isAwsRegion(name) || own.includes(name)) return name;
  const hint = isRegion(name) ? `Add --own-region ${name} if it is meant to be one of your own.` : "A region's name looks like us-east-1.";
  throw new SettingError(`--region ${name} is no region of AWS. ${hint}`);
}

/** An account's id. @throws SettingError */
export function accountOf(text: string | undefined): string | undefined {
  if (text !== undefined && !/^\d{12}$/.test(text)) throw new SettingError(`--account ${text} is not an account id: 12 digits.`);
  return text;
}

/**
 * The ranges that users can bring, in canonical form; pools have been checked together with them.
 * @throws SettingError for one that is larger or smaller than AWS takes.
 */
export function byoipOf(texts: readonly string[]): readonly string[] {
  return texts.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr || cidr.length < 12 || cidr.length > 24) throw new SettingError(`--byoip ${text} is not an IPv4 block of /12 to /24.`);
    return formatCidr(cidr);
  });
}

/**
 * The pools of public addresses in canonical form, Amazon's and then the ranges that users can bring.
 * @throws SettingError for one that is no IPv4 block, too large or small, or overlaps another or the simulated internet.
 */
export function poolsOf(texts: readonly string[], byoip: readonly string[] = []): readonly string[] {
  const internet = { base: 0xc6_33_64_00 as never, length: 24 };
  const pools = [...(texts.length > 0 ? texts : ["203.0.113.0/24"]), ...byoip].map((text) => {
    const cidr = parseCidr(text);
    if (!cidr || cidr.length < 12 || cidr.length > 30) throw new SettingError(`--pool ${text} is not an IPv4 block of /12 to /30.`);
    if (cidrsOverlap(cidr, internet)) throw new SettingError(`--pool ${text} overlaps the simulated internet, 198.51.100.0/24.`);
    return cidr;
  });
  if (pools.length > MAX_POOLS) throw new SettingError(`At most ${MAX_POOLS} pools.`);
  if (pools.some((a, place) => pools.slice(place + 1).some((b) => cidrsOverlap(a, b))))
    throw new SettingError("The pools overlap one another.");
  if (pools.reduce((sum, cidr) => sum + 2 ** (32 - cidr.length), 0) > MAX_PUBLIC_ADDRESSES)
    throw new SettingError(`The pools hold more than ${MAX_PUBLIC_ADDRESSES} addresses.`);
  return pools.map(formatCidr);
}

/** AWS's default quotas with those given raised: `NAME=N`, or `unlimited` for all. @throws SettingError */
export function quotasOf(texts: readonly string[]): Quotas {
  let quotas: Quotas = DEFAULT_QUOTAS;
  for (const text of texts) {
    if (text === "unlimited") {
      // The rules of lists and the groups of an interface stay within what the kernel's tables hold.
      const all = Object.fromEntries(Object.keys(quotas).map((name) => [name, Number.MAX_SAFE_INTEGER])) as Record<QuotaName, number>;
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
      throw new SettingError(`--quota ${text}: there is no quota '${name}'. The quotas are: ${Object.keys(quotas).join(", ")}.`);
    if (!/^[1-9]\d{0,8}$/.test(value)) throw new SettingError(`--quota ${text}: give a number, as in ${name}=100.`);
    quotas = { ...quotas, [name]: Number(value) };
  }
  return quotas;
}
