import { type Connection, connectionKey, type Direction, isReopened } from "./connection.ts";
import { fragmentPorts } from "./fragment.ts";
import { drop, type Outcome, pass } from "./outcome.ts";
import { isIcmpAnswer, isIcmpError } from "./packet.ts";
import type { Ends, Passage } from "./passage.ts";
import { live, remember, withPacket } from "./security-group.ts";

/*
 * The egress-only internet gateway (VPC user guide, "Egress-only internet gateways"): instances reach the
 * internet through it, and only answers come back. It keeps its connections beside those of security groups,
 * under keys of its own.
 */

const key = (slot: number, flow: Parameters<typeof connectionKey>[1], direction: Direction): string =>
  `${connectionKey(slot, flow, direction)} egress-only`;

/** Outwards, from the interface in `slot`, which has the packet's source address. */
export function egressOnlyOut(passage: Passage, slot: number): Outcome<"internet_gateway"> {
  const { flow, packet } = passage;
  if (isIcmpError(flow)) return about(passage, slot, "out");
  const own = key(slot, flow, "out");
  const known = live(passage, own);
  if (known && !isReopened(known, packet)) {
    passage.remembered.set(own, withPacket(passage, known, { slot, direction: "out" }));
    return pass("egress_only_out", { by: "exchange" });
  }
  if (isIcmpAnswer(flow)) return drop("egress_only", {});
  return remember(passage, own, slot, "out", pass("egress_only_out", { by: "new" }));
}

/** Back to the target. A later fragment already needs its first fragment's ports here. */
export function egressOnlyIn(passage: Passage, { slot }: Ends): Outcome<"internet_gateway"> {
  const overwrites = fragmentPorts(passage);
  if (overwrites) return overwrites;
  const { flow, packet } = passage;
  if (flow.headless) return drop("fragment_without_first", {});
  if (isIcmpError(flow)) return about(passage, slot, "in");
  const own = key(slot, flow, "in");
  const known: Connection | undefined = live(passage, own);
  if (!known || isReopened(known, packet)) return drop("egress_only", {});
  passage.throughService = true;
  passage.remembered.set(own, withPacket(passage, known, { slot, direction: "in" }));
  return pass("egress_only_in", { by: "exchange" });
}

/** An ICMP error carries a packet of the other direction, and goes to its sender. */
function about(passage: Passage, slot: number, direction: Direction): Outcome<"internet_gateway"> {
  const { about: inner, flow } = passage;
  const known =
    inner &&
    !inner.headless &&
    inner.source === flow.destination &&
    live(passage, key(slot, inner, direction === "out" ? "in" : "out")) !== undefined;
  if (!known) return drop("egress_only", {});
  return pass(direction === "out" ? "egress_only_out" : "egress_only_in", { by: "error" });
}
