import { ANY, isOpen } from "../contract/rule-list.ts";
import {
  type Connection,
  connectionKey,
  type Direction,
  idleTimeouts,
  isMidstream,
  isReopened,
  noted,
} from "./connection.ts";
import { drop, type Dropped, type Outcome, pass, type Passed } from "./outcome.ts";
import { isIcmpAnswer, isIcmpError, isIpv6Flow, TCP, UDP } from "./packet.ts";
import { type Ends, interfaceEntry, type Passage, receiverOf, senderOf } from "./passage.ts";
import { firstMatch, rulesAtHand } from "./rule-list.ts";

/**
 * Stages security_group_out and security_group_in: stateful. What belongs to a remembered exchange passes,
 * and so does an ICMP error about one; anything else needs a rule of one of the interface's groups, and is
 * remembered unless its flow is untracked, or its beginning was not seen.
 */
export function securityGroup(
  passage: Passage,
  direction: Direction,
): Outcome<"security_group_out" | "security_group_in"> {
  const { flow, packet } = passage;
  const ends = direction === "out" ? senderOf(passage) : receiverOf(passage);
  if (flow.headless) return drop("fragment_without_first", {});
  if (isIcmpError(flow)) {
    if (isAboutConnection(passage, ends, direction)) return pass("remembered", { by: "error" });
    return byRules(passage, ends, direction);
  }
  const key = connectionKey(ends.slot, flow, direction);
  const known = live(passage, key);
  if (known && !isReopened(known, packet)) {
    passage.remembered.set(key, withPacket(passage, known, { slot: ends.slot, direction }));
    return pass("remembered", { by: "exchange" });
  }
  const outcome = byRules(passage, ends, direction);
  if (outcome.kind === "drop" || isIcmpAnswer(flow)) return outcome;
  if (isUntracked(passage, ends, direction)) return untracked(outcome, "open");
  if (isMidstream(flow, packet)) return untracked(outcome, "midstream");
  return remember(passage, key, ends.slot, direction, outcome);
}

/**
 * EC2 user guide, "Untracked connections": TCP and UDP that rules for everybody let pass both ways, those of
 * one direction on all ports. Only the rules decide each of their packets. Not through a NAT or egress-only
 * gateway ("Automatically tracked connections").
 */
function isUntracked({ tables, flow, throughService }: Passage, ends: Ends, direction: Direction): boolean {
  if (throughService) return false;
  if (flow.protocol !== TCP && flow.protocol !== UDP) return false;
  const open = (
    list: "security_group_out" | "security_group_in",
    port: number,
  ): { matches: boolean; allPorts: boolean } => {
    const rules = ends.row.groups
      .slice(0, ends.row.group_count)
      .flatMap((group) => rulesAtHand(tables, list, group))
      .filter(
        (rule) =>
          isOpen(rule) &&
          (rule.peer_length === 0) === isIpv6Flow(flow) &&
          (rule.protocol === ANY || rule.protocol === flow.protocol),
      );
    return {
      matches: rules.some(
        (rule) => rule.protocol === ANY || (port >= rule.port_from && port <= rule.port_to),
      ),
      allPorts: rules.some(
        (rule) => rule.protocol === ANY || (rule.port_from === 0 && rule.port_to === 65_535),
      ),
    };
  };
  const [own, other] = direction === "out" ? (["out", "in"] as const) : (["in", "out"] as const);
  const there = open(`security_group_${own}`, flow.destinationPort ?? 0);
  if (!there.matches) return false;
  const back = open(`security_group_${other}`, flow.sourcePort ?? 0);
  return back.matches && (there.allPorts || back.allPorts);
}

/** The record of an exchange (undefined: a new one) with this packet added. */
export function withPacket(
  { tables, packet, flow, now }: Passage,
  known: Connection | undefined,
  { slot, direction }: { readonly slot: number; readonly direction: Direction },
): Connection {
  return noted(known, { packet, flow, direction, now, times: idleTimeouts(tables, slot) });
}

export function live(passage: Passage, key: string): ReturnType<Passage["connections"]["get"]> {
  const known = passage.remembered.get(key) ?? passage.connections.get(key);
  return known && known.expires > passage.now ? known : undefined;
}

/**
 * Whether an ICMP error is about a remembered exchange. The packet that it carries went the other way, and
 * the error must go to where that packet came from.
 */
function isAboutConnection(passage: Passage, ends: Ends, direction: Direction): boolean {
  const { about, flow } = passage;
  if (!about || about.headless || about.source !== flow.destination) return false;
  return live(passage, connectionKey(ends.slot, about, direction === "out" ? "in" : "out")) !== undefined;
}

type Allowed = Passed<"security_group_out" | "security_group_in">;

function untracked(outcome: Allowed, how: "open" | "midstream"): Allowed {
  return { ...outcome, params: { ...outcome.params, untracked: how } };
}

function byRules(passage: Passage, ends: Ends, direction: Direction): Allowed | Dropped {
  const { tables, flow } = passage;
  const list = direction === "out" ? "security_group_out" : "security_group_in";
  const other = direction === "out" ? passage.target : passage.source;
  const groups = passage.groupIdentity && other ? other.row.groups.slice(0, other.row.group_count) : [];
  const peer = direction === "out" ? flow.destination : flow.source;
  for (const group of ends.row.groups.slice(0, ends.row.group_count)) {
    const { rule, incomplete, entries } = firstMatch(tables, list, group, { flow, peer, groups });
    if (incomplete) return drop("tables_incomplete", { missing: "security_group", slot: group }, ...entries);
    if (rule) return pass(list, { group, rule }, ...entries);
  }
  return drop(list, {}, interfaceEntry(ends));
}

const NO_ROOM = { connection_limit: 0, connections_crowded: 0, connection_share: 0 };

/** Remembers a new exchange, unless the interface remembers too many already. */
export function remember<Any extends Passed>(
  passage: Passage,
  key: string,
  slot: number,
  direction: Direction,
  outcome: Any,
): Any | Dropped {
  const { tables, connections, nat, remembered } = passage;
  const isNew = !remembered.has(key) && !connections.get(key);
  const settings = tables.lookup("settings", 0);
  const opened = [...remembered.keys()].filter((other) => !connections.get(other));
  // A reused slot still counts its predecessor's connections, also a NAT gateway's, until the next sweep.
  const own =
    connections.count(slot) +
    nat.known.count(slot) +
    opened.filter((other) => other.startsWith(`${slot} `)).length;
  const all = connections.total() + opened.length;
  const {
    connection_limit: limit,
    connections_crowded: crowded,
    connection_share: share,
  } = settings ?? NO_ROOM;
  if (isNew && own >= limit) return drop("connections_full", { own: limit });
  if (isNew && all >= crowded && own >= share) return drop("connections_full", { own, all });
  remembered.set(key, withPacket(passage, undefined, { slot, direction }));
  return outcome;
}
