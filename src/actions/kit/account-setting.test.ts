import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion } from "../test-region.ts";
import { accountSettingActions } from "./account-setting.ts";

const { GetEbsEncryptionByDefault, GetSerialConsoleAccessStatus } = accountSettingActions;

test("settings of the account that nothing sets are off", () => {
  const region = newRegion();
  assert.deepEqual(region.call(GetEbsEncryptionByDefault, {}), { EbsEncryptionByDefault: false });
  assert.deepEqual(region.call(GetSerialConsoleAccessStatus, {}), { SerialConsoleAccessEnabled: false });
});
