/** Which machines have a member of the region's etcd. */

import type { Member } from "../fleet/member.ts";

/** A machine that may lead. */
export type Candidate = {
  readonly address: string;
  readonly live: boolean;
  /** It is about to leave the region. */
  readonly leaving: boolean;
};

/** The machines that may have one. */
export function candidatesOf(machines: readonly Member[]): readonly Candidate[] {
  return machines
    .filter(({ roles }) => roles.includes("control"))
    .map(({ address, live, leaving }) => ({ address, live, leaving: leaving === true }));
}

/** Five members bear two deaths, three bear one; an even number bears no more than one less. */
const SIZES = [5, 3, 1];

/**
 * The addresses of the machines that are to have a member, those that have one first: one that does is not
 * exchanged because it is away. The others are in the order of the candidates.
 * @param members - the addresses of those that have one
 */
export function chooseMembers(
  candidates: readonly Candidate[],
  members: readonly string[],
): readonly string[] {
  const staying = candidates.filter(({ leaving }) => !leaving);
  const has = staying.filter(({ address }) => members.includes(address));
  const others = staying.filter((one) => one.live && !has.includes(one));
  const wanted = SIZES.find((size) => size <= has.length + others.length) ?? 0;
  return [...has, ...others.slice(0, Math.max(0, wanted - has.length))].map(({ address }) => address);
}
