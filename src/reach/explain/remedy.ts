import type { NetworkInterface } from "../../model/network-interface.ts";
import type { DropReason } from "../../plan/stages.ts";
import { type Call, request } from "./call.ts";
import type { Obstacle } from "./obstacle.ts";
import type { ExchangeQuestion } from "./question.ts";
import type { Scratch } from "./scratch.ts";

/** Requests, in order, that take an obstacle away. */
export type Remedy = {
  readonly calls: readonly Call[];
  /** A resource of the account that the requests take because nothing uses it. */
  readonly takes?: string;
  /** They mend this later obstacle as well, as nothing would mend the first alone. */
  readonly also?: DropReason;
};

export type Drop = Obstacle & { readonly kind: "drop" };

/** What an obstacle is met with. */
export type Scene = { readonly scratch: Scratch; readonly question: ExchangeQuestion };

export function only(call: Call): Remedy {
  return { calls: [call] };
}

/** Of the instance that holds the interface, where it is stopped or about to be. */
export function starts({ reader }: Scratch, { attachment }: NetworkInterface): readonly Remedy[] {
  const instance = attachment && reader.get("instance", attachment.instanceId);
  if (!instance) return [];
  const start = request("StartInstances", { InstanceIds: [instance.id] });
  if (instance.state === "stopped") return [only(start)];
  return instance.state === "stopping" ? [{ calls: [{ kind: "wait", until: "instance-stopped", instanceId: instance.id }, start] }] : [];
}
