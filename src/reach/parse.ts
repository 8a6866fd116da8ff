import { isIpv6, parseIpv4 } from "../lib/ip.ts";
import { isIn } from "./block.ts";
import { type Outcome, drop, pass, type Passage } from "./passage.ts";

/** Stage parse: addresses that never appear on a wire are no packet at all. */
export function parse(passage: Passage): Outcome {
  const { flow, packet } = passage;
  const { source, destination } = flow;
  if (isIpv6(source) && isIpv6(destination)) return parseIpv6(passage);
  if (parseIpv4(source) === undefined || parseIpv4(destination) === undefined) return drop("malformed", `${source} to ${destination}`);
  if (isIn(source, "nowhere", "multicast") || (parseIpv4(source) ?? 0) >= 0xe0000000) return drop("malformed", `source ${source}`);
  if (isIn(destination, "nowhere")) return drop("malformed", `destination ${destination}`);
  return pass(`protocol ${packet.protocol}, ${source} to ${destination}`);
}

function parseIpv6({ flow, packet }: Passage): Outcome {
  const { source, destination } = flow;
  if (isIn(source, "nowhere", "multicast")) return drop("malformed", `source ${source}`);
  if (isIn(destination, "nowhere")) return drop("malformed", `destination ${destination}`);
  return pass(`protocol ${packet.protocol}, ${source} to ${destination}`);
}
