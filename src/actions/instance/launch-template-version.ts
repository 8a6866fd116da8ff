import type {
  CreateLaunchTemplateVersionRequest,
  CreateLaunchTemplateVersionResult,
  DeleteLaunchTemplateVersionsRequest,
  DeleteLaunchTemplateVersionsResult,
  DescribeLaunchTemplateVersionsRequest,
  DescribeLaunchTemplateVersionsResult,
  GetLaunchTemplateDataRequest,
  GetLaunchTemplateDataResult,
  LaunchTemplateErrorCode,
  LaunchTemplateVersion as VersionAnswer,
  RequestLaunchTemplateData,
  ResponseLaunchTemplateData,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { LaunchTemplate, LaunchTemplateVersion } from "../../model/launch-template.ts";
import type { Reader } from "../../model/state.ts";
import { describedTracking } from "../interface/network-interface-tracking.ts";
import type { Action, Context } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { tagList } from "../kit/tags.ts";
import { findTemplate, versionNumbered } from "./launch-template-choice.ts";
import { newVersion } from "./launch-template-data.ts";
import { describedPlacement } from "./placement-group.ts";

/** A version more: of a source version, when one is named, what the request does not say itself. */
const CreateLaunchTemplateVersion: Action<
  CreateLaunchTemplateVersionRequest,
  CreateLaunchTemplateVersionResult
> = (tx, input, context) => {
  const template = findTemplate(tx, input);
  const data = required(input.LaunchTemplateData, "LaunchTemplateData");
  const source = input.SourceVersion === undefined ? {} : versionNumbered(template, input.SourceVersion).data;
  requireRoom(template, context);
  const number = template.latestVersion + 1;
  const said = Object.fromEntries(
    Object.entries(data).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
  const version = newVersion(
    { ...source, ...said } as RequestLaunchTemplateData,
    input.VersionDescription,
    number,
    context,
  );
  tx.put({ ...template, latestVersion: number, versions: [...template.versions, version] });
  return { LaunchTemplateVersion: described({ template, version }, context) };
};

/** EC2 user guide, "Launch template restrictions": 10,000 versions for each template. */
function requireRoom({ versions }: LaunchTemplate, { quotas }: Context): void {
  if (versions.length < quotas["launch-template-versions"]) return;
  throw new Fault(
    "VersionLimitExceeded",
    "You have reached the limit of versions that a launch template may have.",
  );
}

/** The default version stays; others go one by one, each with its own success or failure. */
const DeleteLaunchTemplateVersions: Action<
  DeleteLaunchTemplateVersionsRequest,
  DeleteLaunchTemplateVersionsResult
> = (tx, input) => {
  const template = findTemplate(tx, input);
  const texts = required(input.Versions, "Versions");
  const names = { LaunchTemplateId: template.id, LaunchTemplateName: template.name };
  const gone: LaunchTemplateVersion[] = [];
  const failures: NonNullable<
    DeleteLaunchTemplateVersionsResult["UnsuccessfullyDeletedLaunchTemplateVersions"]
  > = [];
  const fail = (text: string, Code: LaunchTemplateErrorCode, Message: string): void =>
    void failures.push({ ...names, VersionNumber: Number(text) || 0, ResponseError: { Code, Message } });
  for (const text of new Set(texts)) {
    const found = template.versions.find(({ number }) => String(number) === text);
    if (!found)
      fail(text, "launchTemplateVersionDoesNotExist", `The specified version ${text} does not exist.`);
    else if (found.number === template.defaultVersion)
      fail(text, "unexpectedError", "Default version cannot be deleted.");
    else gone.push(found);
  }
  if (gone.length > 0)
    tx.put({ ...template, versions: template.versions.filter((version) => !gone.includes(version)) });
  return {
    SuccessfullyDeletedLaunchTemplateVersions: gone.map(({ number }) => ({
      ...names,
      VersionNumber: number,
    })),
    UnsuccessfullyDeletedLaunchTemplateVersions: failures,
  };
};

/** Versions have no tags; filters for them match nothing. */
type Pair = {
  readonly template: LaunchTemplate;
  readonly version: LaunchTemplateVersion;
  readonly tags?: Readonly<Record<string, string>>;
};

const DescribeLaunchTemplateVersions: Action<
  DescribeLaunchTemplateVersionsRequest,
  DescribeLaunchTemplateVersionsResult
> = (tx, input, context) => {
  const found = filtered(chosenVersions(tx, input), input.Filters, FIELDS);
  const { items, nextToken } = paged(found, input, { min: 1, max: 200 });
  return { LaunchTemplateVersions: items.map((pair) => described(pair, context)), NextToken: nextToken };
};

/**
 * The versions of one template, or the latest or default version of all templates (EC2 API reference,
 * DescribeLaunchTemplateVersions).
 */
function chosenVersions(tx: Reader, input: DescribeLaunchTemplateVersionsRequest): readonly Pair[] {
  const texts = input.Versions ?? [];
  if (input.LaunchTemplateId === undefined && input.LaunchTemplateName === undefined) {
    if (texts.length === 0) {
      throw new Fault(
        "MissingParameter",
        "The request must contain the parameter LaunchTemplateId or LaunchTemplateName",
      );
    }
    const numbered = texts.find((text) => text !== "$Latest" && text !== "$Default");
    if (numbered !== undefined) {
      const words = `Value (${numbered}) for parameter Versions is invalid. Without a launch template, only $Latest and $Default can be specified.`;
      throw new Fault("InvalidParameterValue", words);
    }
    return tx.list("launch-template").flatMap((template) => pairsOf(template, texts));
  }
  const template = findTemplate(tx, input);
  if (texts.length > 0) return pairsOf(template, texts);
  const [least, most] = [numberIn(input.MinVersion, "MinVersion"), numberIn(input.MaxVersion, "MaxVersion")];
  return template.versions
    .filter(({ number }) => number >= (least ?? 0) && number <= (most ?? Number.POSITIVE_INFINITY))
    .toReversed()
    .map((version) => ({ template, version }));
}

function pairsOf(template: LaunchTemplate, texts: readonly string[]): readonly Pair[] {
  return [...new Set(texts.map((text) => versionNumbered(template, text)))].map((version) => ({
    template,
    version,
  }));
}

function numberIn(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new Fault(
      "InvalidParameterValue",
      `Value (${text}) for parameter ${name} is invalid. Must be a number.`,
    );
  return Number(text);
}

const FIELDS: FilterFields<Pair> = {
  "create-time": ({ version }) => version.createTime,
  "ebs-optimized": ({ version }) => textOf(version.data["EbsOptimized"]),
  "image-id": ({ version }) => textOf(version.data["ImageId"]),
  "instance-type": ({ version }) => textOf(version.data["InstanceType"]),
  "is-default-version": ({ template, version }) => String(version.number === template.defaultVersion),
  "host-resource-group-arn": ({ version }) => within(version, "Placement", "HostResourceGroupArn"),
  "http-endpoint": ({ version }) => within(version, "MetadataOptions", "HttpEndpoint"),
  "http-protocol-ipv4": ({ version }) => within(version, "MetadataOptions", "HttpEndpoint"),
  "http-tokens": ({ version }) => within(version, "MetadataOptions", "HttpTokens"),
  "iam-instance-profile": ({ version }) => within(version, "IamInstanceProfile", "Arn"),
  "kernel-id": () => undefined,
  "license-configuration-arn": () => undefined,
  "network-card-index": ({ version }) =>
    listOf(version.data["NetworkInterfaces"]).map(({ NetworkCardIndex }) => textOf(NetworkCardIndex)),
  "ram-disk-id": () => undefined,
};

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "boolean" || typeof value === "number"
    ? String(value)
    : undefined;
}

type Said = Readonly<Record<string, unknown>>;

/** A member of one of the version's structures. */
function within({ data }: LaunchTemplateVersion, structure: string, member: string): string | undefined {
  return textOf((data[structure] as Said | undefined)?.[member]);
}

function listOf(value: unknown): readonly Said[] {
  return Array.isArray(value) ? (value as readonly Said[]) : [];
}

function described({ template, version }: Pair, { account }: Context): VersionAnswer {
  return {
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    VersionNumber: version.number,
    VersionDescription: version.description,
    CreateTime: new Date(version.createTime),
    CreatedBy: version.createdBy ?? `arn:aws:iam::${account}:root`,
    DefaultVersion: version.number === template.defaultVersion,
    LaunchTemplateData: version.data as ResponseLaunchTemplateData,
    Operator: { Managed: false },
  };
}

/** What a template would have to say to launch such an instance again. */
const GetLaunchTemplateData: Action<GetLaunchTemplateDataRequest, GetLaunchTemplateDataResult> = (
  tx,
  input,
) => {
  const instance = find(tx, "instance", required(input.InstanceId, "InstanceId"));
  const interfaces = tx.by("network-interface", "instanceId", instance.id);
  // A launch names its group by one of the two.
  const { GroupId: _, ...placement } = describedPlacement(tx, instance);
  return {
    LaunchTemplateData: {
      ImageId: instance.imageId,
      InstanceType: instance.instanceType as NonNullable<ResponseLaunchTemplateData["InstanceType"]>,
      KeyName: instance.keyName,
      UserData: instance.userData,
      EbsOptimized: instance.ebsOptimized,
      Monitoring: { Enabled: instance.monitoring },
      DisableApiTermination: instance.disableApiTermination,
      DisableApiStop: instance.disableApiStop,
      InstanceInitiatedShutdownBehavior: instance.shutdownBehavior,
      Placement: { AvailabilityZone: instance.availabilityZone, ...placement, Tenancy: instance.tenancy },
      MetadataOptions: {
        HttpEndpoint: instance.metadataOptions.httpEndpoint,
        HttpTokens: instance.metadataOptions.httpTokens,
        HttpPutResponseHopLimit: instance.metadataOptions.httpPutResponseHopLimit,
        InstanceMetadataTags: instance.metadataOptions.instanceMetadataTags,
      },
      NetworkInterfaces: interfaces.map((eni) => ({
        DeviceIndex: eni.attachment?.deviceIndex,
        SubnetId: eni.subnetId,
        Groups: [...eni.groupIds],
        DeleteOnTermination: eni.attachment?.deleteOnTermination,
        ...(eni.connectionTracking
          ? { ConnectionTrackingSpecification: describedTracking(eni.connectionTracking) }
          : {}),
        ...(eni.attachment?.deviceIndex === 0 ? { AssociatePublicIpAddress: eni.assignPublicIp } : {}),
      })),
      TagSpecifications: [{ ResourceType: "instance", Tags: tagList(instance.tags) }],
    },
  };
};

export const launchTemplateVersionActions = {
  CreateLaunchTemplateVersion,
  DeleteLaunchTemplateVersions,
  DescribeLaunchTemplateVersions,
  GetLaunchTemplateData,
};
