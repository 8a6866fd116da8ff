import type { Stage } from "../plan/stages.ts";
import { logIn, logOut } from "./flow-log.ts";
import { isPublicNat, natIn, natOut } from "./nat-gateway.ts";
import { networkAcl } from "./network-acl.ts";
import { drop, has, type Outcome, type Passage, receiverOf } from "./passage.ts";
import { atNat, route } from "./route.ts";

/** Notes what a stage said; the verdict when it dropped the packet. `concerned`: to whose counters a drop goes. */
type Said<Verdict> = (stage: Stage, outcome: Outcome, concerned: number) => Verdict | undefined;

/** Out through a NAT gateway: its subnet's ACL, the translation, its subnet's own route and ACL. */
export function throughNat<Verdict>(passage: Passage, said: Said<Verdict>): Verdict | undefined {
  const { slot } = receiverOf(passage);
  const moved = arrived(passage, said, slot) ?? said("nat_gateway", natOut(passage), slot);
  const dropped = moved ?? onward(passage, said, slot);
  if (dropped) return dropped;
  if (passage.way === "nat") return said("route", drop("route_loop", "from one NAT gateway to the other"), slot);
  if (passage.way !== "gateway" || isPublicNat(passage, slot)) return undefined;
  return said("nat_gateway", drop("nat_private", "a private NAT gateway has no way to the internet"), slot);
}

/** Back through the NAT gateway that sent what this answers. */
export function backThroughNat<Verdict>(passage: Passage, said: Said<Verdict>): Verdict | undefined {
  const { slot } = receiverOf(passage);
  const moved = arrived(passage, said, slot) ?? said("nat_gateway", natIn(passage), slot);
  const dropped = moved ?? onward(passage, said, slot);
  if (dropped) return dropped;
  const out = passage.way === "gateway" || passage.way === "nat" || (passage.target && has(passage.target, "nat_gateway"));
  return out ? said("route", drop("route_loop", "back through a NAT gateway, and out again"), slot) : undefined;
}

function onward<Verdict>(passage: Passage, said: Said<Verdict>, slot: number): Verdict | undefined {
  const where = atNat(passage);
  const lost = said("route", where.drop ? where : route(passage), slot);
  if (lost) return lost;
  const refused = passage.sameSubnet ? undefined : said("network_acl_out", networkAcl(passage, "out"), slot);
  logOut(passage, refused !== undefined);
  return refused;
}

/** What the ACL lets in was accepted, whatever the gateway makes of it. */
function arrived<Verdict>(passage: Passage, said: Said<Verdict>, slot: number): Verdict | undefined {
  const refused = said("network_acl_in", networkAcl(passage, "in"), slot);
  logIn(passage, refused !== undefined);
  return refused;
}
