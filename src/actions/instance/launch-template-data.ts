import type { RequestLaunchTemplateData, RunInstancesRequest, TagSpecification } from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import type { LaunchTemplateVersion } from "../../model/launch-template.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { unoffered } from "../kit/parameter.ts";
import { checkedUserData, refuseUnhonoured } from "./instance-run-option.ts";
import { findTemplate, versionNumbered } from "./launch-template-choice.ts";

/**
 * A version of what a request said. @throws UnsupportedOperation for what no launch here would honour;
 * InvalidUserData.Malformed.
 */
export function newVersion(
  data: RequestLaunchTemplateData,
  description: string | undefined,
  number: number,
  { now, caller }: Pick<Context, "now" | "caller">,
): LaunchTemplateVersion {
  refuseUnhonoured(launchOf(data));
  checkedUserData(data.UserData);
  if (data.InstanceRequirements) throw unoffered("InstanceRequirements");
  const kept = JSON.parse(JSON.stringify(data)) as LaunchTemplateVersion["data"];
  const made = { createTime: now, ...(caller ? { createdBy: caller.arn } : {}) };
  return { number, ...(description === undefined ? {} : { description }), ...made, data: kept };
}

/** The same parameters under the names that RunInstances has for them; no counts. */
function launchOf(data: RequestLaunchTemplateData): RunInstancesRequest {
  const { RamDiskId, ElasticGpuSpecifications, InstanceRequirements: _, ...same } = data;
  return {
    ...(same as Omit<RunInstancesRequest, "MinCount" | "MaxCount">),
    ...(RamDiskId === undefined ? {} : { RamdiskId: RamDiskId }),
    ...(ElasticGpuSpecifications === undefined
      ? {}
      : { ElasticGpuSpecification: ElasticGpuSpecifications as never }),
    MinCount: undefined,
    MaxCount: undefined,
  };
}

/**
 * A launch with what its template says, where the request says nothing itself; and the tags that tell of the
 * template.
 */
export function withTemplate(
  tx: Reader,
  asked: RunInstancesRequest,
): { readonly input: RunInstancesRequest; readonly templateTags: Tags } {
  if (!asked.LaunchTemplate) return { input: asked, templateTags: {} };
  const template = findTemplate(tx, asked.LaunchTemplate);
  const version = versionNumbered(template, asked.LaunchTemplate.Version ?? "$Default");
  const said = Object.fromEntries(
    Object.entries(asked).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
  const { LaunchTemplate: _, ...own } = said as RunInstancesRequest;
  const base = launchOf(version.data as RequestLaunchTemplateData);
  // Each metadata option is settled by itself (EC2 user guide, "Order of precedence for instance metadata
  // options").
  const metadata = base.MetadataOptions && {
    MetadataOptions: { ...base.MetadataOptions, ...own.MetadataOptions },
  };
  const merged = {
    ...base,
    ...own,
    ...metadata,
    TagSpecifications: mergedTags(base.TagSpecifications, own.TagSpecifications),
  };
  return {
    input: merged as RunInstancesRequest,
    templateTags: {
      "aws:ec2launchtemplate:id": template.id,
      "aws:ec2launchtemplate:version": String(version.number),
    },
  };
}

/** For each resource type, the template's tags, overridden by the request's. */
function mergedTags(
  base: readonly TagSpecification[] | undefined = [],
  own: readonly TagSpecification[] | undefined = [],
): TagSpecification[] {
  const types = [...new Set([...base, ...own].map(({ ResourceType }) => ResourceType))];
  return types.map((type) => {
    const tags = new Map(
      [...base, ...own]
        .filter(({ ResourceType }) => ResourceType === type)
        .flatMap(({ Tags = [] }) => Tags.map((tag) => [tag.Key, tag])),
    );
    return { ResourceType: type, Tags: [...tags.values()] };
  });
}
