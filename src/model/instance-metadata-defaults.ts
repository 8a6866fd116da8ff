import type { Base } from "./common.ts";
import type { Instance } from "./instance.ts";

type Options = Instance["metadataOptions"];

/**
 * The account's preferred metadata options for new instances in the region; an absent member has no
 * preference. Its id is the region's name.
 */
export type InstanceMetadataDefaults = Base<"instance-metadata-defaults"> & {
  readonly options: Partial<
    Pick<Options, "httpTokens" | "httpPutResponseHopLimit" | "httpEndpoint" | "instanceMetadataTags">
  >;
  /** Whether every instance must require session tokens. */
  readonly httpTokensEnforced?: "enabled" | "disabled";
};
