import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { defaultVpcActions } from "../default-vpc.ts";
import { tagActions } from "../tag/tag.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { instanceRunActions } from "./instance-run.ts";
import { launchTemplateVersionActions } from "./launch-template-version.ts";
import { launchTemplateActions } from "./launch-template.ts";

const { CreateLaunchTemplate, ModifyLaunchTemplate, DeleteLaunchTemplate, DescribeLaunchTemplates } =
  launchTemplateActions;
const {
  CreateLaunchTemplateVersion,
  DeleteLaunchTemplateVersions,
  DescribeLaunchTemplateVersions,
  GetLaunchTemplateData,
} = launchTemplateVersionActions;
const { RunInstances } = instanceRunActions;
const IMAGE = "ami-0123456789abcdef0";
const ONE = { MinCount: 1, MaxCount: 1 } as const;

function region(): TestRegion {
  const made = newRegion();
  made.call(defaultVpcActions.CreateDefaultVpc, {});
  return made;
}

function template(made: TestRegion, data: object = { ImageId: IMAGE, InstanceType: "t3.small" }): string {
  const { LaunchTemplate } = made.call(CreateLaunchTemplate, {
    LaunchTemplateName: "web",
    LaunchTemplateData: data,
    VersionDescription: "first",
  });
  return must(LaunchTemplate?.LaunchTemplateId);
}

describe("launch templates", () => {
  test("have user data in base64, or are not made", () => {
    const made = region();
    refuses(
      "InvalidUserData.Malformed",
      () => template(made, { UserData: "#!/bin/sh\necho x & ;" }),
      "Invalid BASE64 encoding of user data.",
    );
    template(made, { UserData: btoa("#!/bin/sh") });
  });

  test("are kept in versions, of which one is the default", () => {
    const made = region();
    const id = template(made);
    const { LaunchTemplateVersion: second } = made.call(CreateLaunchTemplateVersion, {
      LaunchTemplateId: id,
      SourceVersion: "1",
      LaunchTemplateData: { InstanceType: "t3.large" },
    });
    assert.deepEqual([second?.VersionNumber, second?.DefaultVersion], [2, false]);
    assert.deepEqual(
      second?.LaunchTemplateData,
      { ImageId: IMAGE, InstanceType: "t3.large" },
      "what is not said is the source's",
    );
    made.call(ModifyLaunchTemplate, { LaunchTemplateName: "web", DefaultVersion: "2" });
    const [shown] = must(
      made.call(DescribeLaunchTemplates, { LaunchTemplateNames: ["web"] }).LaunchTemplates,
    );
    assert.deepEqual(
      [shown?.DefaultVersionNumber, shown?.LatestVersionNumber, shown?.LaunchTemplateId],
      [2, 2, id],
    );
    const numbers = (input: object): readonly (number | undefined)[] =>
      must(made.call(DescribeLaunchTemplateVersions, input).LaunchTemplateVersions).map(
        ({ VersionNumber }) => VersionNumber,
      );
    assert.deepEqual(numbers({ LaunchTemplateId: id }), [2, 1], "the newest first");
    assert.deepEqual(numbers({ LaunchTemplateId: id, MaxVersion: "1" }), [1]);
    assert.deepEqual(numbers({ Versions: ["$Latest"] }), [2], "of all templates");
    assert.deepEqual(
      numbers({ LaunchTemplateId: id, Filters: [{ Name: "is-default-version", Values: ["false"] }] }),
      [1],
    );
    const gone = made.call(DeleteLaunchTemplateVersions, { LaunchTemplateId: id, Versions: ["1", "2", "9"] });
    assert.deepEqual(
      gone.SuccessfullyDeletedLaunchTemplateVersions?.map(({ VersionNumber }) => VersionNumber),
      [1],
    );
    assert.deepEqual(
      gone.UnsuccessfullyDeletedLaunchTemplateVersions?.map(({ ResponseError }) => ResponseError?.Code),
      ["unexpectedError", "launchTemplateVersionDoesNotExist"],
    );
    made.call(DeleteLaunchTemplate, { LaunchTemplateId: id });
    assert.deepEqual(made.call(DescribeLaunchTemplates, {}).LaunchTemplates, []);
  });

  test("launch what they say except where the request says otherwise, and instances name their template", () => {
    const made = region();
    const tags = (value: string): object[] => [
      { ResourceType: "instance", Tags: [{ Key: "Name", Value: value }] },
    ];
    const id = template(made, {
      ImageId: IMAGE,
      InstanceType: "t3.small",
      UserData: btoa("#!/bin/sh\ntrue"),
      MetadataOptions: { HttpTokens: "required" },
      TagSpecifications: [
        ...tags("template"),
        { ResourceType: "volume", Tags: [{ Key: "of", Value: "template" }] },
      ],
    });
    const launch = (input: object) =>
      must(
        made.call(RunInstances, { ...ONE, LaunchTemplate: { LaunchTemplateId: id }, ...input } as never)
          .Instances?.[0],
      );
    const plain = launch({});
    assert.deepEqual(
      [plain.ImageId, plain.InstanceType, plain.MetadataOptions?.HttpTokens],
      [IMAGE, "t3.small", "required"],
    );
    const told = Object.fromEntries((plain.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    assert.deepEqual(told, {
      Name: "template",
      "aws:ec2launchtemplate:id": id,
      "aws:ec2launchtemplate:version": "1",
    });
    const other = launch({ InstanceType: "t3.large", TagSpecifications: tags("own") });
    assert.equal(other.InstanceType, "t3.large");
    assert.equal(other.Tags?.find(({ Key }) => Key === "Name")?.Value, "own");
    made.call(tagActions.DeleteTags, { Resources: [must(plain.InstanceId)] });
    const left = must(
      made.call(tagActions.DescribeTags, {
        Filters: [{ Name: "resource-id", Values: [must(plain.InstanceId)] }],
      }).Tags,
    );
    assert.deepEqual(left.map(({ Key }) => Key).toSorted(), [
      "aws:ec2launchtemplate:id",
      "aws:ec2launchtemplate:version",
    ]);
    const data = made.call(GetLaunchTemplateData, { InstanceId: plain.InstanceId }).LaunchTemplateData;
    assert.deepEqual([data?.InstanceType, data?.NetworkInterfaces?.length], ["t3.small", 1]);
  });

  test("are refused with AWS's codes, and when no launch would honour them", () => {
    const made = region();
    const id = template(made);
    const create =
      (LaunchTemplateName: string, LaunchTemplateData: object = {}) =>
      () =>
        made.call(CreateLaunchTemplate, { LaunchTemplateName, LaunchTemplateData });
    refuses("InvalidLaunchTemplateName.AlreadyExistsException", create("web"));
    refuses("InvalidLaunchTemplateName.MalformedException", create("no spaces"));
    refuses("UnsupportedOperation", create("spot", { InstanceMarketOptions: { MarketType: "spot" } }));
    refuses(
      "UnsupportedOperation",
      create("needs", { InstanceRequirements: { VCpuCount: { Min: 1 }, MemoryMiB: { Min: 1 } } }),
    );
    const run = (LaunchTemplate: object) => () => made.call(RunInstances, { ...ONE, LaunchTemplate });
    refuses("InvalidLaunchTemplateId.NotFound", run({ LaunchTemplateId: "lt-0123456789abcdef0" }));
    refuses("InvalidLaunchTemplateId.Malformed", run({ LaunchTemplateId: "lt-x" }));
    refuses("InvalidLaunchTemplateName.NotFoundException", run({ LaunchTemplateName: "nobody" }));
    refuses("InvalidLaunchTemplateId.VersionNotFound", run({ LaunchTemplateId: id, Version: "7" }));
    refuses("InvalidParameterCombination", run({ LaunchTemplateId: id, LaunchTemplateName: "web" }));
    refuses("MissingParameter", run({ Version: "1" }));
    refuses("MissingParameter", () => made.call(DescribeLaunchTemplateVersions, {}));
  });

  test("are as many as the quotas say", () => {
    const made = newRegion({
      quotas: { ...DEFAULT_QUOTAS, "launch-templates": 1, "launch-template-versions": 1 },
    });
    const id = template(made);
    refuses("LaunchTemplateLimitExceeded", () =>
      made.call(CreateLaunchTemplate, { LaunchTemplateName: "more", LaunchTemplateData: {} }),
    );
    refuses("VersionLimitExceeded", () =>
      made.call(CreateLaunchTemplateVersion, { LaunchTemplateId: id, LaunchTemplateData: {} }),
    );
  });
});
