/**
 * A way from an instance to the internet and back, to be measured: two network namespaces and what lies
 * between them.
 */
export type Path = {
  readonly name: PathName;
  /** Paths of the namespaces of the two ends; the device of each end is `eth0`. */
  readonly instance: string;
  readonly internet: string;
  readonly instanceAddress: string;
  /** The address by which the internet sees the instance, and by which it reaches it. */
  readonly seenAddress: string;
  readonly internetAddress: string;
  /** Whether something on the way refuses what nobody asked for. */
  readonly filters: boolean;
  /** The internet sees other ports than the instance sends from. */
  readonly changesPorts?: true;
  /**
   * From IPv6 to the internet's end in IPv4, by NAT64: the instance's address, and that which stands for the
   * internet's end.
   */
  readonly nat64?: { readonly instanceAddress: string; readonly internetAddress: string };
  /** The same ends in IPv6, where the path carries it: nothing is translated. */
  readonly ipv6?: { readonly instanceAddress: string; readonly internetAddress: string };
};

/** The letters of the report. */
export const PATHS = {
  A: "a bare cable: two namespaces on one veth pair",
  B: "the kernel's router: forwarding between two veth pairs, and nothing else",
  C: "a bridge, one-to-one NAT by connection tracking and a stateful filter, as floating IPs are usually built",
  R: "Genkan's links with a program that only hands packets on: the least that a program can cost",
  G: "Genkan: security group, network ACL, routes, gateway and one-to-one NAT",
  M: "the kernel's router as a NAT gateway: masquerading by connection tracking",
  N: "Genkan: a private subnet behind a NAT gateway",
  K: "as R, with a netkit pair in the place of the instance's veth pair, where the kernel and ip have it",
} as const;
export type PathName = keyof typeof PATHS;
export const PATH_NAMES = Object.keys(PATHS) as readonly PathName[];

/** One value for each path that was measured. */
export type PerPath<T> = Readonly<Partial<Record<PathName, T>>>;

/** What an instance behind every path is called, so that all four have the same packets to carry. */
export type Addresses = {
  readonly instance: string;
  readonly prefixLength: number;
  readonly router: string;
  readonly public: string;
  readonly pool: string;
  readonly ipv6: string;
};
