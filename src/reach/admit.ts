import { ROUTER_MAC } from "../contract/tables.ts";
import { parseIpv4 } from "../lib/address.ts";
import { ipv4BlockOf, lastAddress } from "../lib/block.ts";
import { isIn } from "./block.ts";
import { drop, type Outcome, pass } from "./outcome.ts";
import { isIpv6Flow } from "./packet.ts";
import { has, inSubnet, interfaceAt, interfaceEntry, owns, type Passage } from "./passage.ts";

const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

/**
 * Stage admit: is the sender the interface that its link says, with its own addresses? Broadcast and
 * multicast end here.
 */
export function admit(passage: Passage): Outcome<"admit"> {
  const { tables, packet, flow } = passage;
  const sender = interfaceAt(tables, packet.from ?? 0);
  if (!sender) return drop("unknown_interface", { interface: packet.from ?? 0 });
  passage.source = sender;
  const row = interfaceEntry(sender);
  if (!has(sender, "up")) return drop("interface_down", {}, row);
  if (packet.sourceMac !== undefined && packet.sourceMac !== sender.row.mac)
    return drop("spoofed_mac", { mac: packet.sourceMac }, row);
  const subnet = tables.lookup("subnets", sender.row.subnet);
  if (isIpv6Flow(flow) && !subnet)
    return drop("tables_incomplete", { missing: "subnet", slot: sender.row.subnet });
  if (isIpv6Flow(flow) && subnet?.ipv6_length === 0)
    return drop("ipv6_not_offered", { subnet: sender.row.subnet }, row);
  passage.ownSource = owns(tables, sender, flow.source);
  if (!passage.ownSource && has(sender, "source_dest_check")) return drop("spoofed_source", {}, row);
  if (isIn(flow.destination, "multicast")) return drop("multicast", { by: "address" });
  if (flow.destination === "255.255.255.255") return drop("broadcast", { by: "address" });
  return toSubnet(passage);
}

function toSubnet(passage: Passage): Outcome<"admit"> {
  const { tables, packet, flow, source } = passage;
  const key = source?.row.subnet ?? 0;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", { missing: "subnet", slot: key });
  passage.sameSubnet = inSubnet(subnet, flow.destination);
  const isLast =
    !isIpv6Flow(flow) &&
    parseIpv4(flow.destination) === lastAddress(ipv4BlockOf(`${subnet.block}/${subnet.length}`));
  if (passage.sameSubnet && isLast)
    return drop("broadcast", { by: "address" }, { table: "subnets", key, value: subnet });
  const mac = packet.destinationMac ?? ROUTER_MAC;
  if (Number.parseInt(mac.slice(0, 2), 16) & 1)
    return drop(mac === BROADCAST_MAC ? "broadcast" : "multicast", { by: "mac" });
  return pass(passage.ownSource ? "admit" : "forwards", {}, source && interfaceEntry(source));
}
