import assert from "node:assert/strict";
import { test } from "node:test";
import { accountSettingActions } from "./account-setting.ts";
import { newRegion, refuses } from "./test-region.ts";

const { DescribeHosts, DescribeSpotInstanceRequests, GetEbsEncryptionByDefault, GetSerialConsoleAccessStatus } = accountSettingActions;

test("what can't be made here is described as none; an id or a filter that nobody knows is refused", () => {
  const region = newRegion();
  assert.deepEqual(region.call(DescribeHosts, {}), { Hosts: [] });
  assert.deepEqual(region.call(DescribeSpotInstanceRequests, {}), { SpotInstanceRequests: [] });
  refuses("InvalidHostID.NotFound", () => region.call(DescribeHosts, { HostIds: ["h-0123456789abcdef0"] }));
  refuses("InvalidSpotInstanceRequestID.NotFound", () => region.call(DescribeSpotInstanceRequests, { SpotInstanceRequestIds: ["sir-1"] }));
  refuses("InvalidParameterValue", () => region.call(DescribeHosts, { Filter: [{ Name: "no-such-filter", Values: ["x"] }] }));
  refuses("InvalidNextToken", () => region.call(DescribeHosts, { NextToken: "x" }));
});

test("settings of the account that nothing sets are off", () => {
  const region = newRegion();
  assert.deepEqual(region.call(GetEbsEncryptionByDefault, {}), { EbsEncryptionByDefault: false });
  assert.deepEqual(region.call(GetSerialConsoleAccessStatus, {}), { SerialConsoleAccessEnabled: false });
});
