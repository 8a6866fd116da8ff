import type {
  CreateLaunchTemplateRequest,
  CreateLaunchTemplateResult,
  DeleteLaunchTemplateRequest,
  DeleteLaunchTemplateResult,
  DescribeLaunchTemplatesRequest,
  DescribeLaunchTemplatesResult,
  LaunchTemplate as LaunchTemplateAnswer,
  ModifyLaunchTemplateRequest,
  ModifyLaunchTemplateResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { LaunchTemplate } from "../../model/launch-template.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { chosen, type FilterFields, searched } from "../kit/describe.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import { findTemplate, templateWithId, versionNumbered } from "./launch-template-choice.ts";
import { newVersion } from "./launch-template-data.ts";

/** A template with its first version, which is the default one (EC2 user guide, "Launch templates"). */
const CreateLaunchTemplate: Action<CreateLaunchTemplateRequest, CreateLaunchTemplateResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Operator"]);
  const name = newName(tx, input.LaunchTemplateName);
  const version = newVersion(
    required(input.LaunchTemplateData, "LaunchTemplateData"),
    input.VersionDescription,
    1,
    context,
  );
  const limit = context.quotas["launch-templates"];
  if (tx.count("launch-template") >= limit)
    throw new Fault(
      "LaunchTemplateLimitExceeded",
      `The maximum number of launch templates (${limit}) has been reached.`,
    );
  const template: LaunchTemplate = {
    kind: "launch-template",
    id: newId("launch-template", context.random),
    tags: tagsFor("launch-template", input.TagSpecifications, context.quotas),
    name,
    createTime: context.now,
    ...(context.caller ? { createdBy: context.caller.arn } : {}),
    defaultVersion: 1,
    latestVersion: 1,
    versions: [version],
  };
  tx.put(template);
  return { LaunchTemplate: described(template, context) };
};

function noneOfAll(): never {
  throw new Fault(
    "InvalidLaunchTemplateName.NotFoundException",
    "At least one of the launch templates specified in the request does not exist.",
  );
}

/** @throws InvalidLaunchTemplateName.MalformedException; InvalidLaunchTemplateName.AlreadyExistsException. */
function newName(tx: Reader, text: string | undefined): string {
  const name = required(text, "LaunchTemplateName");
  if (name.length < 3 || name.length > 128 || !/^[a-zA-Z0-9().\-/_]+$/.test(name)) {
    const words =
      "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.";
    throw new Fault("InvalidLaunchTemplateName.MalformedException", words);
  }
  if (tx.countBy("launch-template", "name", name) > 0)
    throw new Fault(
      "InvalidLaunchTemplateName.AlreadyExistsException",
      "Launch template name already in use.",
    );
  return name;
}

const ModifyLaunchTemplate: Action<ModifyLaunchTemplateRequest, ModifyLaunchTemplateResult> = (
  tx,
  input,
  context,
) => {
  const template = findTemplate(tx, input);
  const version = versionNumbered(template, required(input.DefaultVersion, "DefaultVersion"));
  const changed = { ...template, defaultVersion: version.number };
  tx.put(changed);
  return { LaunchTemplate: described(changed, context) };
};

/** With all its versions. Instances that were launched from it stay as they are. */
const DeleteLaunchTemplate: Action<DeleteLaunchTemplateRequest, DeleteLaunchTemplateResult> = (
  tx,
  input,
  context,
) => {
  const template = findTemplate(tx, input);
  tx.delete("launch-template", template.id);
  return { LaunchTemplate: described(template, context) };
};

const DescribeLaunchTemplates: Action<DescribeLaunchTemplatesRequest, DescribeLaunchTemplatesResult> = (
  tx,
  input,
  context,
) => {
  const { LaunchTemplateIds: ids, LaunchTemplateNames: names = [], ...rest } = input;
  const byName = names.map((name) => tx.by("launch-template", "name", name)[0] ?? noneOfAll());
  const all = (): readonly LaunchTemplate[] => (names.length > 0 ? [] : tx.list("launch-template"));
  const byId = chosen(ids, (id) => templateWithId(tx, id), all);
  const templates = [...new Set([...byName, ...byId.slice(0, byId.length)])];
  const { items, nextToken } = searched(templates, rest, FIELDS, LIMITS);
  return { LaunchTemplates: items.map((template) => described(template, context)), NextToken: nextToken };
};

const LIMITS = { min: 1, max: 200 } as const;

const FIELDS: FilterFields<LaunchTemplate> = {
  "create-time": (template) => template.createTime,
  "launch-template-name": (template) => template.name,
};

function described(template: LaunchTemplate, { account }: Context): LaunchTemplateAnswer {
  return {
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    CreateTime: new Date(template.createTime),
    CreatedBy: template.createdBy ?? `arn:aws:iam::${account}:root`,
    DefaultVersionNumber: template.defaultVersion,
    LatestVersionNumber: template.latestVersion,
    Tags: tagList(template.tags),
    Operator: { Managed: false },
  };
}

export const launchTemplateActions = {
  CreateLaunchTemplate,
  ModifyLaunchTemplate,
  DeleteLaunchTemplate,
  DescribeLaunchTemplates,
};
