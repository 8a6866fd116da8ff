import type { InstanceState as StateAnswer, StateReason } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { isWellFormedId } from "../../model/id.ts";
import { type Instance, INSTANCE_STATE_CODE, type InstanceState } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import { find } from "../kit/find.ts";
import { noSuch } from "../kit/not-found.ts";

/**
 * The instances with these ids, each once.
 * @throws InvalidParameterCombination for none; InvalidInstanceID.Malformed for the first malformed id;
 * InvalidInstanceID.NotFound naming all unknown ones.
 */
export function findInstances(tx: Reader, ids: readonly string[] | undefined): readonly Instance[] {
  if (!ids || ids.length === 0) throw new Fault("InvalidParameterCombination", "No instances specified");
  const wanted = [...new Set(ids)];
  const malformed = wanted.find((id) => !isWellFormedId("instance", id));
  if (malformed !== undefined) throw noSuch("instance", malformed);
  const unknown = wanted.filter((id) => !tx.get("instance", id));
  if (unknown.length > 1)
    throw new Fault("InvalidInstanceID.NotFound", `The instance IDs '${unknown.join(", ")}' do not exist`);
  return wanted.map((id) => find(tx, "instance", id));
}

/** A state with its code, as answers carry it. */
export function describedState(state: InstanceState): StateAnswer {
  return { Code: INSTANCE_STATE_CODE[state], Name: state };
}

/** Why the instance is in its state; absent where nobody would ask. */
export function describedReason({ state, stateReason: reason }: Instance): StateReason | undefined {
  if (reason) return { Code: reason.code, Message: reason.message };
  return state === "pending" ? { Code: "pending", Message: "pending" } : undefined;
}
