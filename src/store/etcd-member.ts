/** A member of etcd as Genkan starts it, from Debian's package. */

export type MemberOptions = {
  /** Where its data is; made when it is not there. */
  readonly folder: string;
  readonly name: string;
  /** Where clients reach it: `http://ADDRESS:PORT`. */
  readonly client: string;
  /** Where the other members reach it. */
  readonly peer: string;
  /** All members that the cluster begins with, this one among them: `NAME=PEER,…`. */
  readonly cluster: string;
  /** Further ones, as for TLS. */
  readonly flags?: readonly string[];
};

const FLAGS = [
  // A member that is silent for half a second is replaced as etcd's own leader.
  ["--heartbeat-interval", "50"],
  ["--election-timeout", "500"],
  // A change that is larger than etcd takes is refused whole: these make it a rare thing.
  ["--max-txn-ops", "20000"],
  ["--max-request-bytes", String(16 << 20)],
  ["--quota-backend-bytes", String(8 * (1 << 30))],
  // A machine that was away for longer reads the whole state anew.
  ["--auto-compaction-mode", "periodic"],
  ["--auto-compaction-retention", "10m"],
  ["--logger", "zap"],
  ["--log-level", "error"],
].flat();

/** The words of its command. */
export function memberCommand({
  folder,
  name,
  client,
  peer,
  cluster,
  flags = [],
}: MemberOptions): readonly string[] {
  return [
    ["etcd", "--name", name, "--data-dir", folder, "--initial-cluster", cluster],
    ["--listen-client-urls", client, "--advertise-client-urls", client],
    ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    FLAGS,
    flags,
  ].flat();
}
