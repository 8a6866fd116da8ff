/** Requests with arguments chosen by numbers: for random regions. */
import type { Context } from "../src/actions/action.ts";
import { perform } from "../src/actions/perform.ts";
import type { Kind, Resources } from "../src/model/resource.ts";
import type { Tx } from "../src/model/state.ts";

export type Picker = {
  readonly tx: Tx;
  readonly context: Context;
  readonly number: (below: number) => number;
  /** Any of the kind; undefined when there is none. */
  readonly pick: <K extends Kind>(kind: K) => Resources[K] | undefined;
};
export type Request = (picker: Picker) => void;

/** An EC2 operation with arguments chosen by the numbers. */
export function api(operation: string, input: (picker: Picker) => object): Request {
  return (picker) => {
    perform(picker.tx, operation, input(picker), picker.context);
  };
}
