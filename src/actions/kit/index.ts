import { accountSettingActions } from "./account-setting.ts";
import { accountActions } from "./account.ts";
import { regionActions } from "./region.ts";

/** What belongs to no noun: the account, its settings, regions and zones. */
export const KIT_NOUNS = [regionActions, accountActions, accountSettingActions] as const;
