import { type Connection, connectionKey, type Direction, isReopened } from "./connection.ts";
import { fragmentPorts } from "./fragment.ts";
import { isIcmpAnswer, isIcmpError } from "./packet.ts";
import { drop, type Ends, type Outcome, pass, type Passage } from "./passage.ts";
import { live, remember, withPacket } from "./security-group.ts";

/*
 * The egress-only internet gateway (VPC user guide, "Egress-only internet gateways"): instances reach the internet through it, and
 * only what answers them comes back. What it remembers stands beside what security groups do, under keys of its own.
 */

const key = (slot: number, flow: Parameters<typeof connectionKey>[1], direction: Direction): string =>
  `${connectionKey(slot, flow, direction)} egress-only`;

/** Outwards, from the interface at `slot`, whose address the packet has. */
export function egressOnlyOut(passage: Passage, slot: number): Outcome {
  const { flow, packet } = passage;
  if (isIcmpError(flow)) return about(passage, slot, "out");
  const own = key(slot, flow, "out");
  const known = live(passage, own);
  if (known && !isReopened(known, packet)) {
    passage.remembered.set(own, withPacket(passage, known, { slot, direction: "out" }));
    return pass("belongs to an exchange that the egress-only gateway knows");
  }
  if (isIcmpAnswer(flow)) return drop("egress_only", "answers nothing that came in");
  return remember(passage, own, slot, "out", pass("by the egress-only gateway"));
}

/** Back to the target. A later fragment needs its first one's ports here already. */
export function egressOnlyIn(passage: Passage, { slot }: Ends): Outcome {
  const overwrites = fragmentPorts(passage);
  if (overwrites) return overwrites;
  const { flow, packet } = passage;
  if (flow.headless) return drop("fragment_without_first", "no ports");
  if (isIcmpError(flow)) return about(passage, slot, "in");
  const own = key(slot, flow, "in");
  const known: Connection | undefined = live(passage, own);
  if (!known || isReopened(known, packet)) return drop("egress_only", `${flow.source} answers nothing that went out`);
  passage.throughService = true;
  passage.remembered.set(own, withPacket(passage, known, { slot, direction: "in" }));
  return pass("answers what went out by the egress-only gateway");
}

/** An ICMP error carries a packet that went the other way, and goes to where that one came from. */
function about(passage: Passage, slot: number, direction: Direction): Outcome {
  const { about: inner, flow } = passage;
  const known =
    inner &&
    !inner.headless &&
    inner.source === flow.destination &&
    live(passage, key(slot, inner, direction === "out" ? "in" : "out")) !== undefined;
  return known
    ? pass("an error about an exchange that the egress-only gateway knows")
    : drop("egress_only", "an error about nothing known");
}
