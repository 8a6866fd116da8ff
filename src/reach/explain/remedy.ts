import type { DropReason } from "../../contract/stages.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import { type Call, request } from "./call.ts";
import type { Obstacle } from "./obstacle.ts";
import type { ExchangeQuestion } from "./question.ts";
import type { Scratch } from "./scratch.ts";

/** Requests, in order, that remove an obstacle. */
export type Remedy = {
  readonly calls: readonly Call[];
  /** An unused resource of the account that the requests use. */
  readonly takes?: string;
  /** A later obstacle that they remove as well, because nothing would remove the first one by itself. */
  readonly also?: DropReason;
};

export type Drop = Obstacle & { readonly kind: "drop" };

/** What a remedy is chosen by. */
export type Scene = { readonly scratch: Scratch; readonly question: ExchangeQuestion };

export function only(call: Call): Remedy {
  return { calls: [call] };
}

/** Starts the instance with the interface, when it is stopped or stopping. */
export function starts({ reader }: Scratch, { attachment }: NetworkInterface): readonly Remedy[] {
  const instance = attachment && reader.get("instance", attachment.instanceId);
  if (!instance) return [];
  const start = request("StartInstances", { InstanceIds: [instance.id] });
  if (instance.state === "stopped") return [only(start)];
  return instance.state === "stopping"
    ? [{ calls: [{ kind: "wait", until: "instance-stopped", instanceId: instance.id }, start] }]
    : [];
}
