import type { Stage } from "../contract/stages.ts";
import { logIn, logOut } from "./flow-log.ts";
import { isPublicNat, natIn, natOut } from "./nat-gateway.ts";
import { networkAcl } from "./network-acl.ts";
import { drop, type Outcome } from "./outcome.ts";
import { has, type Passage, receiverOf } from "./passage.ts";
import { atNat, route } from "./route.ts";

/**
 * Notes a stage's outcome; stages have different reasons to pass, and groups and ACLs have those of both
 * directions. Returns the verdict when the packet was dropped. `concerned`: the interface whose counters a
 * drop goes to.
 */
export type Said<Verdict> = <At extends Stage>(
  stage: At,
  outcome: Outcome<At extends Guard ? Guard : At>,
  concerned: number,
) => Verdict | undefined;
type Guard = "security_group_out" | "security_group_in" | "network_acl_out" | "network_acl_in";

/** Out through a NAT gateway: its subnet's ACL, the translation, its subnet's own route and ACL. */
export function throughNat<Verdict>(passage: Passage, said: Said<Verdict>): Verdict | undefined {
  const { slot } = receiverOf(passage);
  const moved = arrived(passage, said, slot) ?? said("nat_gateway", natOut(passage), slot);
  const dropped = moved ?? onward(passage, said, slot);
  if (dropped) return dropped;
  if (passage.way === "nat") return said("route", drop("route_loop", { by: "nat_gateways" }), slot);
  if (passage.way !== "gateway" || isPublicNat(passage, slot)) return undefined;
  return said("nat_gateway", drop("nat_private", {}), slot);
}

/** Back through the NAT gateway that sent the packet which this one answers. */
export function backThroughNat<Verdict>(passage: Passage, said: Said<Verdict>): Verdict | undefined {
  const { slot } = receiverOf(passage);
  const moved = arrived(passage, said, slot) ?? said("nat_gateway", natIn(passage), slot);
  const dropped = moved ?? onward(passage, said, slot);
  if (dropped) return dropped;
  const out =
    passage.way === "gateway" ||
    passage.way === "nat" ||
    (passage.target && has(passage.target, "nat_gateway"));
  return out ? said("route", drop("route_loop", { by: "nat_gateway_again" }), slot) : undefined;
}

function onward<Verdict>(passage: Passage, said: Said<Verdict>, slot: number): Verdict | undefined {
  const lost = said("route", atNat(passage) ?? route(passage), slot);
  if (lost) return lost;
  const refused = passage.sameSubnet ? undefined : said("network_acl_out", networkAcl(passage, "out"), slot);
  logOut(passage, refused !== undefined);
  return refused;
}

/** A packet that the ACL lets in was accepted, whatever the gateway does with it. */
function arrived<Verdict>(passage: Passage, said: Said<Verdict>, slot: number): Verdict | undefined {
  const refused = said("network_acl_in", networkAcl(passage, "in"), slot);
  logIn(passage, refused !== undefined);
  return refused;
}
