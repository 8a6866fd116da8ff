import type { Base } from "./common.ts";

export type DhcpOptions = Base<"dhcp-options"> & {
  readonly configurations: readonly { readonly key: string; readonly values: readonly string[] }[];
};
