import { tagActions } from "./tag.ts";

/** Tags. */
export const TAG_NOUNS = [tagActions] as const;
