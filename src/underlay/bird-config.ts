/**
 * The configuration of BIRD on a machine of a region. On hosts it holds the multipath route to the gateways'
 * anycast address, whose next hops BFD watches (RFC 5880, RFC 5881); on gateways it answers BFD.
 */

/** Every gateway machine has it: what leaves for the internet goes to it. From 100.64.0.0/10 (RFC 6598). */
export const GATEWAYS_ADDRESS = "100.127.0.1";

export type Routing = {
  /** This machine's address on the network between the machines. */
  readonly address: string;
  /** Whether this machine is a gateway itself: then the anycast address is its own. */
  readonly gateway: boolean;
  /** The addresses of the gateways that take packets. */
  readonly gateways: readonly string[];
  /** The addresses of the machines that watch this one, when it is a gateway. */
  readonly watchers: readonly string[];
  /** A gateway tells these routers of its pools by BGP (RFC 4271). */
  readonly upstream?: Upstream;
};

export type Upstream = {
  readonly routers: readonly { readonly address: string; readonly as: number }[];
  /** This region's number. */
  readonly as: number;
  /** Where the routers are to send packets; absent: to the address of the session. */
  readonly nextHop?: string;
  /** Public IPv4 pools, canonical CIDR blocks; none while the gateway takes no packets. */
  readonly pools: readonly string[];
};

/**
 * A silent gateway is noticed after five intervals; after fewer, one on a busy machine would be taken for one. While a session is down, packets go out slowly, so that
 * a machine that is away costs little.
 */
export const BFD = "min rx interval 10 ms; min tx interval 10 ms; idle tx interval 200 ms; multiplier 5;";

export function birdConfig({ address, gateway, gateways, watchers, upstream }: Routing): string {
  const others = gateways.filter((one) => one !== address).toSorted();
  const neighbours = watchers.filter((one) => one !== address).toSorted();
  return [
    "# Made by Genkan from the region's machines.",
    `router id ${address};`,
    "protocol device { scan time 10; }",
    // The routes stay when BIRD ends: packets go on.
    "protocol kernel { persist; merge paths yes limit 64; ipv4 { import none; export all; }; }",
    "protocol bfd {",
    `  interface "*" { ${BFD} };`,
    ...(gateway ? neighbours.map((one) => `  neighbor ${one};`) : []),
    "}",
    ...(gateway || others.length === 0
      ? []
      : [
          "protocol static gateways {",
          "  ipv4;",
          `  route ${GATEWAYS_ADDRESS}/32 ${others.map((one) => `via ${one} bfd`).join(" ")};`,
          "}",
        ]),
    ...(upstream ? announcements(address, upstream) : []),
    "",
  ].join("\n");
}

/** Networks that this machine has no route to itself: the program takes their packets. */
function announcements(address: string, { routers, as, nextHop, pools }: Upstream): readonly string[] {
  return [
    "ipv4 table announced;",
    "protocol static pools {",
    "  ipv4 { table announced; };",
    ...pools.map((pool) => `  route ${pool} blackhole;`),
    "}",
    ...routers.flatMap((router, index) => [
      `protocol bgp upstream${index + 1} {`,
      `  local ${address} as ${as};`,
      `  neighbor ${router.address} as ${router.as};`,
      "  bfd; connect retry time 1; connect delay time 0; error wait time 1, 5;",
      "  ipv4 {",
      "    table announced; import none; export all;",
      `    next hop ${nextHop === undefined ? "self" : `address ${nextHop}`};`,
      "  };",
      "}",
    ]),
  ];
}
