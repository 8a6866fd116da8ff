import type { InstanceState as StateAnswer } from "@aws-sdk/client-ec2";
import { present } from "../lib/assert.ts";
import { Fault } from "../model/fault.ts";
import { isWellFormedId } from "../model/id.ts";
import { type Instance, INSTANCE_STATE_CODE, type InstanceState } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { required } from "./parameter.ts";

/** @throws MissingParameter without an id; InvalidInstanceID.Malformed; InvalidInstanceID.NotFound for an unknown one. */
export function findInstance(tx: Reader, id: string | undefined): Instance {
  return present(findInstances(tx, [required(id, "instanceId")])[0], "the instance");
}

/**
 * The instances with these ids, each once.
 * @throws InvalidParameterCombination for none; InvalidInstanceID.Malformed for the first malformed id; InvalidInstanceID.NotFound naming all unknown ones.
 */
export function findInstances(tx: Reader, ids: readonly string[] | undefined): readonly Instance[] {
  if (!ids || ids.length === 0) throw new Fault("InvalidParameterCombination", "No instances specified");
  const wanted = [...new Set(ids)];
  const malformed = wanted.find((id) => !isWellFormedId("instance", id));
  if (malformed !== undefined) throw new Fault("InvalidInstanceID.Malformed", `Invalid id: "${malformed}" (expecting "i-...")`);
  const unknown = wanted.filter((id) => !tx.get("instance", id));
  if (unknown.length === 1) throw new Fault("InvalidInstanceID.NotFound", `The instance ID '${unknown[0]}' does not exist`);
  if (unknown.length > 1) throw new Fault("InvalidInstanceID.NotFound", `The instance IDs '${unknown.join(", ")}' do not exist`);
  return wanted.map((id) => present(tx.get("instance", id), id));
}

/** The interfaces attached to an instance, by device index. */
export function interfacesOf(tx: Reader, instance: Instance): readonly NetworkInterface[] {
  const interfaces = tx.by("network-interface", "instanceId", instance.id);
  return interfaces.toSorted((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
}

/** The interface with device index 0; a terminated instance has none. */
export function primaryInterfaceOf(tx: Reader, instance: Instance): NetworkInterface | undefined {
  return interfacesOf(tx, instance)[0];
}

/** A state with its code, as answers carry it. */
export function describedState(state: InstanceState): StateAnswer {
  return { Code: INSTANCE_STATE_CODE[state], Name: state };
}
