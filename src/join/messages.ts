/** What a machine that joins says to one of the region, and when it is refused. */

import type { Member } from "../fleet/member.ts";
import { parseIpv4 } from "../lib/address.ts";
import { hashOf, judge, parseToken } from "./token.ts";

/** What everybody may ask of a machine of a region: so the reasons for which TLS would fail can be named. */
export type Hello = {
  readonly version: string;
  /** Unix time in milliseconds. */
  readonly time: number;
};

export type JoinQuestion = Hello & {
  readonly token: string;
  /** A certificate signing request (PKCS #10, PEM): the machine's public key. */
  readonly request: string;
  readonly address: string;
  /** What tells its home from every other. */
  readonly home: string;
};

export type JoinAnswer = {
  /** PEM: that of the region's authority, and the machine's own. */
  readonly authority: string;
  readonly certificate: string;
  /** etcd's members. */
  readonly endpoints: readonly string[];
};

type Facts = Hello & {
  /** PEM */
  readonly authority: string;
  readonly secret: string;
  readonly machines: readonly Pick<Member, "name" | "number" | "address" | "home" | "live">[];
};

const MOST_CLOCK_SECONDS = 30;

/** Why a machine can't join, with what mends it; undefined: it can. */
export function refusalOf(question: JoinQuestion, facts: Facts): string | undefined {
  const { address, home } = question;
  if (![question.token, question.request, question.version, address, home].every(isText))
    return "The question to join is incomplete.";
  // It becomes part of a certificate, and decides who is who.
  if (parseIpv4(address) === undefined) return "The address of the machine that joins is no IPv4 address.";
  const there = facts.machines.find((one) => one.address === address && one.home !== home);
  return (
    tokenRefusal(question, facts) ??
    helloRefusal(question, facts) ??
    (there?.live
      ? `${address} is the address of ${there.name}, machine ${there.number} of the region: give this machine one of its own with --machine-address, or end that one.`
      : undefined)
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function tokenRefusal({ token }: JoinQuestion, { authority, secret, time }: Facts): string | undefined {
  const parsed = parseToken(token);
  if (!parsed?.authority.equals(hashOf(authority))) return WRONG_TOKEN;
  const judged = judge(parsed, secret, Math.floor(time / 1_000));
  if (judged === "wrong") return WRONG_TOKEN;
  return judged === "ended"
    ? `The token ended at ${new Date(parsed.ends * 1_000).toISOString()}. A machine of the region makes another one: ./genkan token`
    : undefined;
}

export const WRONG_TOKEN =
  "The token is not this region's. Copy the whole command that a machine of the region prints: ./genkan token";

/** Why two machines can't be of one region; `there` is the one that is in it. */
export function helloRefusal(here: Hello, there: Hello): string | undefined {
  const seconds = Math.round(Math.abs(here.time - there.time) / 1_000);
  if (seconds > MOST_CLOCK_SECONDS)
    return `The clocks differ by ${seconds} s: it is ${clock(here)} on the machine that joins, and ${clock(there)} in the region; at most ${MOST_CLOCK_SECONDS} s. Set both by NTP (apt-get install chrony), then join again.`;
  if (minor(here.version) !== minor(there.version))
    return `The machine that joins has Genkan ${here.version}, and the region ${there.version}: join with ${minor(there.version)}.`;
  return undefined;
}

function clock({ time }: Hello): string {
  return new Date(time).toISOString().slice(0, 19).replace("T", " ");
}

/** Major and minor, which machines that join must have in common. */
function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
