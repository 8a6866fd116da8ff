import type { Base } from "./common.ts";
import type { Instance } from "./instance.ts";

type Options = Instance["metadataOptions"];

/** The metadata options that the account prefers for new instances of the region; what is absent has no preference. Its id is the region's name. */
export type InstanceMetadataDefaults = Base<"instance-metadata-defaults"> & {
  readonly options: Partial<Pick<Options, "httpTokens" | "httpPutResponseHopLimit" | "httpEndpoint" | "instanceMetadataTags">>;
  /** Whether no instance may do without session tokens. */
  readonly httpTokensEnforced?: "enabled" | "disabled";
};
