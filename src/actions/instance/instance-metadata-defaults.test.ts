import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Instance,
  ModifyInstanceMetadataDefaultsRequest,
  RunInstancesRequest,
} from "@aws-sdk/client-ec2";
import { instanceNow, launchedRunning, regionWithDefaults } from "../test-launch.ts";
import { refuses, type TestRegion } from "../test-region.ts";
import { instanceMetadataDefaultsActions } from "./instance-metadata-defaults.ts";
import { instanceOptionActions } from "./instance-option.ts";
import { launchTemplateActions } from "./launch-template.ts";

const { GetInstanceMetadataDefaults, ModifyInstanceMetadataDefaults } = instanceMetadataDefaultsActions;

function prefers(region: TestRegion, preferences: ModifyInstanceMetadataDefaultsRequest): void {
  assert.deepEqual(region.call(ModifyInstanceMetadataDefaults, preferences), { Return: true });
}

/** Tokens, hops, endpoint and tags of a new instance. */
function launchedWith(
  region: TestRegion,
  request: Omit<RunInstancesRequest, "MinCount" | "MaxCount"> = {},
): unknown[] {
  const options: Instance["MetadataOptions"] = instanceNow(
    region,
    launchedRunning(region, request),
  ).MetadataOptions;
  return [
    options?.HttpTokens,
    options?.HttpPutResponseHopLimit,
    options?.HttpEndpoint,
    options?.InstanceMetadataTags,
  ];
}

test("metadata options come from the launch, else its template, else the account's preferences, else the image", () => {
  const region = regionWithDefaults();
  assert.deepEqual(launchedWith(region), ["optional", 1, "enabled", "disabled"]);
  prefers(region, { HttpTokens: "required", HttpPutResponseHopLimit: 3, InstanceMetadataTags: "enabled" });
  assert.deepEqual(launchedWith(region), ["required", 3, "enabled", "enabled"]);
  assert.deepEqual(launchedWith(region, { MetadataOptions: { HttpTokens: "optional" } }), [
    "optional",
    3,
    "enabled",
    "enabled",
  ]);
  const LaunchTemplateData = {
    MetadataOptions: { HttpTokens: "optional", HttpPutResponseHopLimit: 7 },
  } as const;
  region.call(launchTemplateActions.CreateLaunchTemplate, {
    LaunchTemplateName: "tokens",
    LaunchTemplateData,
  });
  const LaunchTemplate = { LaunchTemplateName: "tokens" };
  assert.deepEqual(launchedWith(region, { LaunchTemplate }), ["optional", 7, "enabled", "enabled"]);
  assert.deepEqual(launchedWith(region, { LaunchTemplate, MetadataOptions: { HttpTokens: "required" } }), [
    "required",
    7,
    "enabled",
    "enabled",
  ]);
});

test("preferences are kept one by one, and taken back", () => {
  const region = regionWithDefaults();
  const level = (): unknown => region.call(GetInstanceMetadataDefaults, {}).AccountLevel;
  assert.deepEqual(level(), {});
  prefers(region, { HttpTokens: "required" });
  prefers(region, { HttpPutResponseHopLimit: 2, HttpEndpoint: "disabled" });
  assert.deepEqual(JSON.parse(JSON.stringify(level())), {
    HttpTokens: "required",
    HttpPutResponseHopLimit: 2,
    HttpEndpoint: "disabled",
    ManagedBy: "account",
  });
  prefers(region, { HttpTokens: "no-preference", HttpEndpoint: "no-preference" });
  assert.deepEqual(launchedWith(region), ["optional", 2, "enabled", "disabled"]);
  prefers(region, { HttpPutResponseHopLimit: -1 });
  assert.deepEqual(level(), {});
  for (const HttpPutResponseHopLimit of [0, 65, -2])
    refuses("InvalidParameterValue", () => prefers(region, { HttpPutResponseHopLimit }));
  refuses("InvalidParameterValue", () => prefers(region, { HttpTokens: "perhaps" as "optional" }));
});

test("where tokens are enforced, no instance is launched or changed to do without", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region);
  const modify = (HttpTokens: "optional" | "required"): unknown =>
    region.call(instanceOptionActions.ModifyInstanceMetadataOptions, { InstanceId, HttpTokens });
  prefers(region, { HttpTokensEnforced: "enabled" });
  refuses(
    "UnsupportedOperation",
    () => launchedWith(region),
    /^You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account\. Either launch/,
  );
  assert.deepEqual(launchedWith(region, { MetadataOptions: { HttpTokens: "required" } }), [
    "required",
    1,
    "enabled",
    "disabled",
  ]);
  modify("required");
  const words =
    "You can't set httpTokens to 'optional' because httpTokensEnforced is enabled for this account.";
  refuses("UnsupportedOperation", () => modify("optional"), words);
  prefers(region, { HttpTokensEnforced: "disabled" });
  modify("optional");
});
