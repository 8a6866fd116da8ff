import { figureText, type Table } from "./report.ts";
import type { Row } from "./row.ts";

/** The figures that say most, in the order in which they are told, and what each of them says. */
const FIRST: readonly (readonly [measure: string, says: string])[] = [
  [
    "packets/s, G ÷ B",
    "Packets of 64 bytes in a second, as a multiple of what the kernel's own router forwards.",
  ],
  ["packets/s, G ÷ A", "The same against a bare cable, which decides nothing: what all of Genkan costs."],
  ["packets/s, G ÷ C", "The same against bridge, connection tracking and one-to-one NAT in nftables."],
  [
    "packets/s through a NAT gateway, N ÷ M",
    "Through a NAT gateway, against masquerading by connection tracking.",
  ],
  [
    "round trip p50, UDP, G ÷ B",
    "The median round trip of one datagram, against the kernel's router; less is better.",
  ],
  [
    "connect-request-close time p50, G ÷ B",
    "A whole TCP connection with one request, against the kernel's router; less is better.",
  ],
  [
    "signed durable create, 64 clients",
    "Requests that create something, each signed, and on disk before its answer.",
  ],
  [
    "100 instances from RunInstances to running",
    "From the request until the last of a hundred instances runs with its network.",
  ],
  [
    "genkan up with 1,000,000 addresses, until a packet has passed",
    "A start with a million public addresses, until a packet has passed.",
  ],
  [
    "one API change to packets obeying, region of 1,000,000 addresses",
    "From sending a request until a packet obeys it, in that region.",
  ],
];

/** Those of them that the run has; empty, when it has none. */
export function summaryTable(rows: readonly Row[]): Table {
  const found = FIRST.flatMap(([measure, says]) =>
    rows.filter((row) => row.measure === measure).map((row) => ({ says, row })),
  );
  if (found.length === 0) return [];
  return [
    ["what", "figure", "measure"],
    ...found.map(({ says, row }) => [says, figureText(row.value, row.unit), row.measure]),
  ];
}
