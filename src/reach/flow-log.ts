import { type FlowKey, type LoggedFlow, TRAFFIC_PATH } from "../contract/flow-count.ts";
import { SUBNET_FLAGS, VPC_FLAGS } from "../contract/tables.ts";
import { TCP, UDP } from "./packet.ts";
import { type Ends, has, type Passage } from "./passage.ts";

/*
 * The flow log records that a packet leaves: one for each interface that it leaves, and one for each that it
 * reaches, if a flow log covers the interface. A refusal by a group or an ACL counts for the interface that
 * it guards. If they let the packet out, it was accepted, whatever becomes of it, once a route led somewhere.
 */

/**
 * Notes that the packet leaves its sender, or was refused there. A packet to the internet gateway waits for
 * {@link logGateway}.
 */
export function logOut(passage: Passage, refused: boolean): void {
  const { source, way, flowLog } = passage;
  if (!source || !isLogged(passage, source)) return;
  if (refused)
    flowLog.told.push(
      keyOf(passage, source, { direction: "egress", action: "REJECT", path: TRAFFIC_PATH.none }),
    );
  else if (way === "gateway" || way === "egress-only")
    flowLog.waiting.push(
      keyOf(passage, source, { direction: "egress", action: "ACCEPT", path: TRAFFIC_PATH.gateway }),
    );
  else {
    const path =
      way === "peering"
        ? TRAFFIC_PATH.peering
        : way === "remote-peering"
          ? TRAFFIC_PATH.remote_peering
          : TRAFFIC_PATH.inside;
    const nextHop = passage.target?.slot ?? 0;
    flowLog.told.push({
      ...keyOf(passage, source, { direction: "egress", action: "ACCEPT", path }),
      nextHop,
    });
  }
}

/** Notes that the packet has reached the internet gateway, which Block Public Access may have closed. */
export function logGateway({ flowLog }: Passage, blocked: boolean): void {
  const waited = flowLog.waiting.splice(0);
  flowLog.told.push(...waited.map((key) => (blocked ? { ...key, ...BLOCKED } : key)));
}

/** Notes that Block Public Access keeps the packet from its target. */
export function logBlocked(passage: Passage): void {
  const { target, flowLog } = passage;
  if (!target || !isLogged(passage, target)) return;
  flowLog.told.push({
    ...keyOf(passage, target, { direction: "ingress", action: "REJECT", path: TRAFFIC_PATH.none }),
    ...BLOCKED,
  });
}

/** Notes that the packet reaches its target, or was refused there. */
export function logIn(passage: Passage, refused: boolean): void {
  const { target, flowLog } = passage;
  if (!target || !isLogged(passage, target)) return;
  const how = {
    direction: "ingress",
    action: refused ? "REJECT" : "ACCEPT",
    path: TRAFFIC_PATH.none,
  } as const;
  flowLog.told.push({ ...keyOf(passage, target, how), nextHop: passage.from });
}

const BLOCKED = { action: "REJECT", rejectReason: "BPA", path: TRAFFIC_PATH.none } as const;

/** Nothing is logged for a stopped instance's interface. */
function isLogged({ tables }: Passage, ends: Ends): boolean {
  if (!has(ends, "up")) return false;
  const subnet = tables.lookup("subnets", ends.row.subnet)?.flags ?? 0;
  const vpc = tables.lookup("vpcs", ends.row.vpc)?.flags ?? 0;
  return has(ends, "flow_log") || (subnet & SUBNET_FLAGS.flow_log) !== 0 || (vpc & VPC_FLAGS.flow_log) !== 0;
}

/** A packet refused on its way out, or by the internet gateway, has no next hop. */
function keyOf(
  { flow }: Passage,
  { slot }: Ends,
  how: Pick<FlowKey, "direction" | "action" | "path">,
): LoggedFlow {
  const ports = flow.protocol === TCP || flow.protocol === UDP;
  return {
    interface: slot,
    ...how,
    source: flow.source,
    destination: flow.destination,
    sourcePort: ports ? (flow.sourcePort ?? 0) : 0,
    destinationPort: ports ? (flow.destinationPort ?? 0) : 0,
    protocol: flow.protocol,
    nextHop: 0,
  };
}
