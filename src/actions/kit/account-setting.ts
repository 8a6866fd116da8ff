import type {
  GetEbsEncryptionByDefaultRequest,
  GetEbsEncryptionByDefaultResult,
  GetSerialConsoleAccessStatusRequest,
  GetSerialConsoleAccessStatusResult,
} from "@aws-sdk/client-ec2";
import type { Action } from "./action.ts";

/** Nothing sets it: new volumes are unencrypted unless a request says otherwise. */
const GetEbsEncryptionByDefault: Action<
  GetEbsEncryptionByDefaultRequest,
  GetEbsEncryptionByDefaultResult
> = () => ({
  EbsEncryptionByDefault: false,
});

/** Nothing sets it: an instance has no serial console here. */
const GetSerialConsoleAccessStatus: Action<
  GetSerialConsoleAccessStatusRequest,
  GetSerialConsoleAccessStatusResult
> = () => ({
  SerialConsoleAccessEnabled: false,
});

export const accountSettingActions = { GetEbsEncryptionByDefault, GetSerialConsoleAccessStatus };
