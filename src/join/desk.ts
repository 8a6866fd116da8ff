/** Where a machine of a region answers those that want to join. */

import type { Member } from "../fleet/member.ts";
import { type PeerHandlers, Refused } from "../fleet/peer-link.ts";
import { type Authority, certify } from "./certificates.ts";
import { type Hello, type JoinAnswer, type JoinQuestion, refusalOf } from "./messages.ts";
import { formatToken, hashOf, newToken, TOKEN_SECONDS } from "./token.ts";

/** What only the region's own machines may know. */
export type RegionKeys = {
  readonly authority: Authority;
  /** What makes tokens, and tells a good one. */
  readonly secret: string;
};

type Options = {
  /** Reads them in etcd: they are nowhere else. @throws Fault Unavailable */
  readonly keys: () => Promise<RegionKeys>;
  readonly version: string;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly machines: () => readonly Member[];
  /** Those of etcd's members; undefined where etcd is not Genkan's own. */
  readonly endpoints: (() => readonly string[]) | undefined;
};

export type Desk = {
  readonly guests: PeerHandlers;
  /** What lets machines join from now on, and the Unix time in milliseconds at which it ends. */
  readonly token: () => Promise<{ readonly token: string; readonly ends: number }>;
};

export function openDesk(options: Options): Desk {
  const { keys, version, now, endpoints } = options;
  return {
    guests: {
      hello: (): Promise<Hello> => Promise.resolve({ version, time: now() }),
      join: (question: JoinQuestion) => join(options, question),
    },
    token: async () => {
      if (!endpoints) throw new Refused(FOREIGN);
      const { authority, secret } = await keys();
      const hash = hashOf(authority.certificate);
      const ends = Math.floor(now() / 1_000) + TOKEN_SECONDS;
      return { token: formatToken(newToken(hash, ends, secret)), ends: ends * 1_000 };
    },
  };
}

const FOREIGN =
  "This region's etcd is your own: start each machine with the same --etcd, and --machine-address IP.";

async function join(
  { keys, version, now, machines, endpoints }: Options,
  question: JoinQuestion,
): Promise<JoinAnswer> {
  if (!endpoints) throw new Refused(FOREIGN);
  const { authority, secret } = await keys();
  const facts = { authority: authority.certificate, secret, version, time: now(), machines: machines() };
  const refusal = refusalOf(question, facts);
  if (refusal !== undefined) throw new Refused(refusal);
  const certificate = await certify(authority, question.request, {
    addresses: [question.address],
    now: new Date(now()),
  });
  return { authority: authority.certificate, certificate, endpoints: endpoints() };
}
