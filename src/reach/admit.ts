import { cidrOf, lastAddress } from "../lib/cidr.ts";
import { parseIpv4 } from "../lib/ip.ts";
import { ROUTER_MAC } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { isIpv6Flow } from "./packet.ts";
import { drop, has, inSubnet, interfaceAt, interfaceEntry, type Outcome, owns, pass, type Passage } from "./passage.ts";

const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

/** Stage admit: is the sender the interface that its link says, with its own addresses? Broadcast and multicast end here. */
export function admit(passage: Passage): Outcome {
  const { tables, packet, flow } = passage;
  const sender = interfaceAt(tables, packet.from ?? 0);
  if (!sender) return drop("unknown_interface", `no interface ${packet.from}`);
  passage.source = sender;
  const row = interfaceEntry(sender);
  if (!has(sender, "up")) return drop("interface_down", "no running instance holds it", row);
  if (packet.sourceMac !== undefined && packet.sourceMac !== sender.row.mac) return drop("spoofed_mac", `sent as ${packet.sourceMac}`, row);
  const subnet = tables.lookup("subnets", sender.row.subnet);
  if (isIpv6Flow(flow) && !subnet) return drop("tables_incomplete", `no subnet ${sender.row.subnet}`);
  if (isIpv6Flow(flow) && subnet?.ipv6_length === 0) return drop("ipv6_not_offered", `subnet ${sender.row.subnet} has no IPv6 block`, row);
  passage.ownSource = owns(tables, sender, flow.source);
  if (!passage.ownSource && has(sender, "source_dest_check")) return drop("spoofed_source", `${flow.source} is not its own`, row);
  if (isIn(flow.destination, "multicast")) return drop("multicast", flow.destination);
  if (flow.destination === "255.255.255.255") return drop("broadcast", flow.destination);
  return toSubnet(passage);
}

function toSubnet(passage: Passage): Outcome {
  const { tables, packet, flow, source } = passage;
  const key = source?.row.subnet ?? 0;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", `no subnet ${key}`);
  passage.sameSubnet = inSubnet(subnet, flow.destination);
  const isLast = !isIpv6Flow(flow) && parseIpv4(flow.destination) === lastAddress(cidrOf(`${subnet.block}/${subnet.length}`));
  if (passage.sameSubnet && isLast) return drop("broadcast", `the subnet's ${flow.destination}`, { table: "subnets", key, value: subnet });
  const mac = packet.destinationMac ?? ROUTER_MAC;
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return drop(mac === BROADCAST_MAC ? "broadcast" : "multicast", `frame to ${mac}`);
  return pass(passage.ownSource ? `from its own ${flow.source}` : `forwards for ${flow.source}`, source && interfaceEntry(source));
}
