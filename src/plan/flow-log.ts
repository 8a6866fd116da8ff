import type { Reader } from "../model/state.ts";

/** Whether a flow log names this VPC, subnet or interface itself. */
export function isLogged(reader: Reader, { id }: { readonly id: string }): boolean {
  return reader.countBy("flow-log", "resourceId", id) > 0;
}
