import { flowLogActions } from "./flow-log.ts";

/** Flow logs. */
export const FLOW_LOG_NOUNS = [flowLogActions] as const;
