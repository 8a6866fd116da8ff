import type { TableReader } from "../contract/tables.ts";
import { isNat64 } from "../lib/nat64.ts";
import { connectionMemory } from "./connection.ts";
import { natMemory } from "./nat-connection.ts";
import { answerTo, type Packet, TCP } from "./packet.ts";
import { type DroppedStep, interfaceAt, owns, type Step } from "./passage.ts";
import { type Trace, trace } from "./trace.ts";

/** A request and its answer, walked through the tables as they are; no earlier packet is remembered. */
export type Walk = {
  readonly request: Trace;
  /** Absent: no answer is sent. */
  readonly answer?: Trace;
  readonly end: WalkEnd;
};

export type Leg = "request" | "answer";

export type WalkEnd =
  | { readonly kind: "answered" }
  | { readonly kind: "dropped"; readonly leg: Leg; readonly step: DroppedStep }
  /**
   * It leaves for the internet, where no host has such an address: a NAT64 address that no NAT gateway
   * translated.
   */
  | { readonly kind: "no_such_host"; readonly destination: string; readonly step: Step }
  /**
   * It arrives at an interface that does not have the destination: an appliance, whose own software decides.
   */
  | { readonly kind: "forwarded"; readonly leg: Leg; readonly interface: number }
  /**
   * The answer comes from another address or port than the request went to, so the client does not recognize
   * it.
   */
  | { readonly kind: "misdirected"; readonly source: string };

/** `natPort`: the port that NAT gateways take; absent: the one that they would choose. */
export function walkExchange(tables: TableReader, packet: Packet, natPort?: number): Walk {
  const [connections, remembered] = [connectionMemory(), natMemory()];
  const nat =
    natPort === undefined ? remembered : { ...remembered, nextPort: () => natPort - FIRST_NAT_PORT };
  const run = (one: Packet): Trace => {
    const traced = trace(tables, one, { connections, nat });
    connections.remember(traced.connections);
    remembered.remember(traced.nat);
    return traced;
  };
  const request = run(packet);
  const { verdict } = request;
  if (verdict.kind === "drop") return { request, end: droppedAt("request", request) };
  if (verdict.kind === "internet" && isNat64(request.packet.destination))
    return { request, end: nobodyAt(request) };
  const server = verdict.kind === "deliver" ? interfaceAt(tables, verdict.interface) : undefined;
  if (server && !owns(tables, server, request.packet.destination))
    return { request, end: { kind: "forwarded", leg: "request", interface: server.slot } };
  const answer = run({
    ...answerTo(request.packet),
    ...(packet.protocol === TCP ? { tcp: { syn: true, ack: true } } : {}),
    ...(server ? { from: server.slot } : {}),
    ...(verdict.kind === "service" ? { fromServices: true as const } : {}),
  });
  return { request, answer, end: endOf(packet, answer) };
}

const FIRST_NAT_PORT = 1024;

function endOf(packet: Packet, answer: Trace): WalkEnd {
  const { verdict } = answer;
  if (verdict.kind === "drop") return droppedAt("answer", answer);
  if (verdict.kind === "deliver" && verdict.interface !== packet.from)
    return { kind: "forwarded", leg: "answer", interface: verdict.interface };
  const { source, destination, sourcePort, destinationPort } = answer.packet;
  const belongs =
    (packet.from === undefined) === (verdict.kind === "internet") &&
    source === packet.destination &&
    destination === packet.source &&
    sourcePort === packet.destinationPort &&
    destinationPort === packet.sourcePort;
  return belongs ? { kind: "answered" } : { kind: "misdirected", source };
}

/** `step`: the one of the route that led there. */
function nobodyAt({ packet: { destination }, steps }: Trace): WalkEnd {
  const step = steps.findLast(({ stage }) => stage === "route");
  if (!step) throw new Error("assertion failed: what leaves a VPC goes by a route");
  return { kind: "no_such_host", destination, step };
}

function droppedAt(leg: Leg, { steps }: Trace): WalkEnd {
  const step = steps.at(-1);
  if (step?.kind !== "drop") throw new Error("assertion failed: a packet that drops does so at a stage");
  return { kind: "dropped", leg, step };
}
