import { ipv4Of, isIpv6Text, parseIpv4 } from "../lib/address.ts";
import { isIn } from "./block.ts";
import { drop, type Outcome, pass } from "./outcome.ts";
import type { Passage } from "./passage.ts";

/** Stage parse: a packet with addresses that are never on a wire is dropped. */
export function parse(passage: Passage): Outcome<"parse"> {
  const { source, destination } = passage.flow;
  if (isIpv6Text(source) && isIpv6Text(destination)) return parseIpv6(source, destination);
  if (parseIpv4(source) === undefined || parseIpv4(destination) === undefined)
    return drop("malformed", { part: "addresses" });
  if (isIn(source, "nowhere", "multicast") || ipv4Of(source) >= 0xe0000000)
    return drop("malformed", { part: "source" });
  if (isIn(destination, "nowhere")) return drop("malformed", { part: "destination" });
  return pass("parse", {});
}

function parseIpv6(source: string, destination: string): Outcome<"parse"> {
  if (isIn(source, "nowhere", "multicast")) return drop("malformed", { part: "source" });
  if (isIn(destination, "nowhere")) return drop("malformed", { part: "destination" });
  return pass("parse", {});
}
