/** Requests with arguments chosen by numbers: for random regions. */

import type { Context } from "../../src/actions/kit/action.ts";
import { perform } from "../../src/actions/perform.ts";
import type { Kind, Resources } from "../../src/model/resource.ts";
import type { Tx } from "../../src/model/state.ts";

export type Picker = {
  readonly tx: Tx;
  readonly context: Context;
  readonly number: (below: number) => number;
  /** Any of the kind; undefined when there is none. */
  readonly pick: <K extends Kind>(kind: K) => Resources[K] | undefined;
};
/** The region in which some VPCs are peered with those of the random one. */
export const REMOTE = "us-west-2";

export function pickerOf(tx: Tx, context: Context, number: Picker["number"]): Picker {
  return {
    tx,
    context,
    number,
    pick: (kind) => {
      const all = tx.list(kind);
      return all[number(Math.max(1, all.length))];
    },
  };
}

/** The same choices in the other region. */
export function remotely({ tx, context, number }: Picker): Picker {
  return pickerOf(tx.elsewhere(REMOTE), { ...context, region: REMOTE }, number);
}

export type Request = (picker: Picker) => void;

/** An EC2 operation with arguments chosen by the numbers. */
export function api(operation: string, input: (picker: Picker) => object): Request {
  return (picker) => {
    perform(picker.tx, operation, input(picker), picker.context);
  };
}
