/** The options that are the region's, whichever of its machines is started with them. */

import { byoipOf, ownRegionsOf, poolsOf, quotasOf, type RegionOptions, type Settings } from "./settings.ts";

export type RegionSettings = Pick<Settings, "pools" | "byoip" | "quotas" | "ownRegions" | "issuers">;

/** @throws SettingError, also for options that were given at different starts and do not go together */
export function regionSettingsOf(options: RegionOptions): RegionSettings {
  const byoip = byoipOf(options.byoip ?? []);
  return {
    pools: poolsOf(options.pool ?? [], byoip),
    byoip,
    quotas: quotasOf(options.quota ?? []),
    ownRegions: ownRegionsOf(options["own-region"] ?? []),
    issuers: options.oidc ?? [],
  };
}

/** What an option takes back that is kept: the word `none` alone. */
export function unlessNone(texts: readonly string[]): readonly string[] {
  return texts.length === 1 && texts[0] === "none" ? [] : texts;
}
