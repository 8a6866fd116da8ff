import assert from "node:assert/strict";
import { test } from "node:test";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  machineHalted,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, refuses } from "../test-region.ts";
import { iamInstanceProfileActions } from "./iam-instance-profile.ts";
import { instanceStateActions } from "./instance-state.ts";

const {
  AssociateIamInstanceProfile,
  DisassociateIamInstanceProfile,
  ReplaceIamInstanceProfileAssociation,
  DescribeIamInstanceProfileAssociations,
} = iamInstanceProfileActions;

const ARN = "arn:aws:iam::123456789012:instance-profile/";

test("a profile is associated at launch or later, replaced, and disassociated", () => {
  const region = regionWithDefaults();
  const [atLaunch, InstanceId] = [
    launchedRunning(region, { IamInstanceProfile: { Name: "first" } }),
    launchedRunning(region),
  ];
  const all = (input: object = {}): unknown[] =>
    (region.call(DescribeIamInstanceProfileAssociations, input).IamInstanceProfileAssociations ?? []).map(
      (a) => [a.InstanceId, a.IamInstanceProfile?.Arn, a.State],
    );
  assert.deepEqual(all(), [[atLaunch, `${ARN}first`, "associated"]]);
  const associate = (): unknown =>
    region.call(AssociateIamInstanceProfile, { InstanceId, IamInstanceProfile: { Arn: `${ARN}second` } });
  const { IamInstanceProfileAssociation: made } = associate() as {
    IamInstanceProfileAssociation: { AssociationId: string; State: string };
  };
  assert.equal(made.State, "associating");
  refuses("IncorrectState", associate, `There is an existing association for instance ${InstanceId}`);
  const found = (Name: string, value: string): unknown[] => all({ Filters: [{ Name, Values: [value] }] });
  assert.deepEqual(found("instance-id", InstanceId), [[InstanceId, `${ARN}second`, "associated"]]);
  assert.equal(found("state", "associated").length, 2);
  assert.deepEqual(found("state", "associating"), []);
  refuses("InvalidParameterValue", () => found("bogus", "x"));
  refuses("InvalidParameterValue", () => all({ MaxResults: 4 }));
  const replaced = region.call(ReplaceIamInstanceProfileAssociation, {
    AssociationId: made.AssociationId,
    IamInstanceProfile: { Name: "third" },
  });
  const AssociationId = must(replaced.IamInstanceProfileAssociation?.AssociationId);
  assert.notEqual(AssociationId, made.AssociationId);
  refuses(
    "InvalidAssociationID.NotFound",
    () => all({ AssociationIds: [made.AssociationId] }),
    `An invalid association-id of '${made.AssociationId}' was given`,
  );
  assert.equal(instanceNow(region, InstanceId).IamInstanceProfile?.Arn, `${ARN}third`);
  for (const [id, association] of [
    [InstanceId, AssociationId],
    [
      atLaunch,
      must(
        region.call(DescribeIamInstanceProfileAssociations, {}).IamInstanceProfileAssociations?.[0]
          ?.AssociationId,
      ),
    ],
  ] as const) {
    const gone = region.call(DisassociateIamInstanceProfile, { AssociationId: association });
    assert.equal(gone.IamInstanceProfileAssociation?.State, "disassociating");
    assert.equal(instanceNow(region, id).IamInstanceProfile, undefined);
    refuses("InvalidAssociationID.NotFound", () =>
      region.call(DisassociateIamInstanceProfile, { AssociationId: association }),
    );
  }
  assert.deepEqual(all(), []);
});

test("a terminated instance has no profile and gets none, and a profile has one name", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region, { IamInstanceProfile: { Name: "first" } });
  region.call(instanceStateActions.TerminateInstances, { InstanceIds: [InstanceId] });
  machineHalted(region, InstanceId);
  assert.deepEqual(
    region.call(DescribeIamInstanceProfileAssociations, {}).IamInstanceProfileAssociations,
    [],
  );
  refuses("IncorrectInstanceState", () =>
    region.call(AssociateIamInstanceProfile, { InstanceId, IamInstanceProfile: { Name: "second" } }),
  );
  refuses("MissingParameter", () =>
    region.call(AssociateIamInstanceProfile, { InstanceId, IamInstanceProfile: {} }),
  );
  refuses("InvalidParameterCombination", () =>
    launchedPending(region, { IamInstanceProfile: { Name: "first", Arn: `${ARN}first` } }),
  );
});
