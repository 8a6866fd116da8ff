/** The configuration of BIRD on the simulated internet's router: it hears from the gateways where the pools are. */

import { BFD } from "../underlay/bird-config.ts";

type Router = {
  readonly address: string;
  readonly as: number;
  readonly region: { readonly as: number; readonly gateways: readonly string[] };
  /** What the links to the gateways' uplinks begin with. */
  readonly links: string;
  /** The source of what the simulated internet sends. */
  readonly source: string;
};

export function routerConfig({ address, as, region, links, source }: Router): string {
  return [
    "# Made by Genkan for the region in a box.",
    `router id ${address};`,
    "protocol device { scan time 10; }",
    `protocol direct { ipv4; interface "${links}*"; }`,
    "protocol kernel {",
    "  persist; merge paths yes limit 64;",
    `  ipv4 { import none; export filter { if source != RTS_BGP then reject; krt_prefsrc = ${source}; accept; }; };`,
    "}",
    "protocol bfd {",
    `  interface "*" { ${BFD} };`,
    "}",
    ...region.gateways.flatMap((gateway, index) => [
      `protocol bgp gateway${index + 1} {`,
      `  local ${address} as ${as};`,
      `  neighbor ${gateway} as ${region.as};`,
      "  bfd; connect retry time 1; connect delay time 0; error wait time 1, 5;",
      "  ipv4 { import all; export none; };",
      "}",
    ]),
    "",
  ].join("\n");
}
