import { defaultVpcActions } from "./default-vpc.ts";
import { FLOW_LOG_NOUNS } from "./flow-log/index.ts";
import { GATEWAY_NOUNS } from "./gateway/index.ts";
import { INSTANCE_NOUNS } from "./instance/index.ts";
import { INTERFACE_NOUNS } from "./interface/index.ts";
import type { Action } from "./kit/action.ts";
import { KIT_NOUNS } from "./kit/index.ts";
import { ROUTE_NOUNS } from "./route/index.ts";
import { SECURITY_NOUNS } from "./security/index.ts";
import { STORAGE_NOUNS } from "./storage/index.ts";
import { TAG_NOUNS } from "./tag/index.ts";
import { VPC_NOUNS } from "./vpc/index.ts";

/** Each noun's operations, from the kit up. */
export const NOUNS = [
  ...KIT_NOUNS,
  ...FLOW_LOG_NOUNS,
  ...ROUTE_NOUNS,
  ...SECURITY_NOUNS,
  ...INTERFACE_NOUNS,
  ...GATEWAY_NOUNS,
  ...VPC_NOUNS,
  ...STORAGE_NOUNS,
  ...INSTANCE_NOUNS,
  ...TAG_NOUNS,
  defaultVpcActions,
] as const satisfies readonly Readonly<Record<string, Action<never, unknown>>>[];

type NamesIn<T> = T extends unknown ? keyof T : never;
/** The name of an operation that Genkan offers. */
export type Operation = NamesIn<(typeof NOUNS)[number]>;

/** Every EC2 operation that Genkan offers. */
export const ACTIONS: Readonly<Record<Operation, Action<never, unknown>>> = Object.assign({}, ...NOUNS);

/** Whether Genkan offers an operation of this name. */
export function isOffered(name: string): name is Operation {
  return Object.hasOwn(ACTIONS, name);
}

/** The names of the operations, in alphabetical order. */
export const OFFERED: readonly Operation[] = Object.keys(ACTIONS).filter(isOffered).toSorted();
