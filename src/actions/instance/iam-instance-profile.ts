import type {
  AssociateIamInstanceProfileRequest,
  AssociateIamInstanceProfileResult,
  DescribeIamInstanceProfileAssociationsRequest,
  DescribeIamInstanceProfileAssociationsResult,
  DisassociateIamInstanceProfileRequest,
  DisassociateIamInstanceProfileResult,
  IamInstanceProfileAssociation,
  IamInstanceProfileSpecification,
  ReplaceIamInstanceProfileAssociationRequest,
  ReplaceIamInstanceProfileAssociationResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { given, required } from "../kit/parameter.ts";

/*
 * An instance's profile is only a record: there is no identity service behind it. A profile that the launch
 * named has an association as well, whose id is derived from the instance's.
 */

type Profiled = Instance & { readonly iamInstanceProfileArn: string };

function isProfiled(instance: Instance): instance is Profiled {
  return instance.iamInstanceProfileArn !== undefined && instance.state !== "terminated";
}

/** `associating` in the answer, `associated` from then on. */
const AssociateIamInstanceProfile: Action<
  AssociateIamInstanceProfileRequest,
  AssociateIamInstanceProfileResult
> = (tx, input, context) => {
  const iamInstanceProfileArn = required(profileArn(input.IamInstanceProfile, context), "iamInstanceProfile");
  const instance = find(tx, "instance", input.InstanceId);
  if (instance.state === "terminated" || instance.state === "shutting-down") {
    throw new Fault(
      "IncorrectInstanceState",
      `The instance '${instance.id}' is not in a valid state for this operation.`,
    );
  }
  if (isProfiled(instance))
    throw new Fault("IncorrectState", `There is an existing association for instance ${instance.id}`);
  const profiled: Profiled = { ...instance, iamInstanceProfileArn, iamAssociation: newAssociation(context) };
  tx.put(profiled);
  return { IamInstanceProfileAssociation: { ...described(profiled), State: "associating" } };
};

function newAssociation({ random, now }: Context): NonNullable<Instance["iamAssociation"]> {
  return { id: newId("iam-instance-profile-association", random), since: now };
}

/**
 * The profile's ARN; undefined when none is named. @throws InvalidParameterCombination for an ARN and a name.
 */
export function profileArn(
  profile: IamInstanceProfileSpecification | undefined,
  { account }: Context,
): string | undefined {
  const [arn, name] = [given(profile?.Arn), given(profile?.Name)];
  if (arn !== undefined && name !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    );
  }
  return arn ?? (name === undefined ? undefined : `arn:aws:iam::${account}:instance-profile/${name}`);
}

/** `disassociating` in the answer, gone from then on. */
const DisassociateIamInstanceProfile: Action<
  DisassociateIamInstanceProfileRequest,
  DisassociateIamInstanceProfileResult
> = (tx, input) => {
  const instance = findProfiled(tx, required(input.AssociationId, "associationId"));
  const { iamInstanceProfileArn: _1, iamAssociation: _2, ...rest } = instance;
  tx.put(rest);
  return { IamInstanceProfileAssociation: { ...described(instance), State: "disassociating" } };
};

/** Another profile, by an association of its own. */
const ReplaceIamInstanceProfileAssociation: Action<
  ReplaceIamInstanceProfileAssociationRequest,
  ReplaceIamInstanceProfileAssociationResult
> = (tx, input, context) => {
  const iamInstanceProfileArn = required(profileArn(input.IamInstanceProfile, context), "iamInstanceProfile");
  const instance = findProfiled(tx, required(input.AssociationId, "associationId"));
  const replaced: Profiled = { ...instance, iamInstanceProfileArn, iamAssociation: newAssociation(context) };
  tx.put(replaced);
  return { IamInstanceProfileAssociation: { ...described(replaced), State: "associating" } };
};

/** @throws InvalidAssociationID.NotFound. */
function findProfiled(tx: Reader, associationId: string): Profiled {
  const instance =
    tx.by("instance", "iamAssociationId", associationId)[0] ??
    tx.get("instance", associationId.replace(/^iip-assoc-/, "i-"));
  if (instance && isProfiled(instance) && associationOf(instance).id === associationId) return instance;
  throw notFound("iam-instance-profile-association", associationId);
}

function associationOf({
  id,
  launchTime,
  iamAssociation,
}: Instance): NonNullable<Instance["iamAssociation"]> {
  return iamAssociation ?? { id: id.replace(/^i-/, "iip-assoc-"), since: launchTime };
}

const DescribeIamInstanceProfileAssociations: Action<
  DescribeIamInstanceProfileAssociationsRequest,
  DescribeIamInstanceProfileAssociationsResult
> = (tx, input) => {
  const profiled = chosen(
    input.AssociationIds,
    (id) => findProfiled(tx, id),
    () => tx.list("instance").filter(isProfiled),
  );
  const { items, nextToken } = searched(profiled, input, FIELDS);
  return { IamInstanceProfileAssociations: items.map(described), NextToken: nextToken };
};

const FIELDS: FilterFields<Profiled> = { "instance-id": ({ id }) => id, state: () => "associated" };

function described(instance: Profiled): IamInstanceProfileAssociation {
  const { id, since } = associationOf(instance);
  return {
    AssociationId: id,
    InstanceId: instance.id,
    IamInstanceProfile: describedProfile(instance.iamInstanceProfileArn),
    State: "associated",
    Timestamp: new Date(since),
  };
}

/** The id is made up from the ARN. */
export function describedProfile(arn: string): { Arn: string; Id: string } {
  const letters = Buffer.from(arn)
    .toString("base64url")
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .toUpperCase();
  return { Arn: arn, Id: `AIPA${letters.slice(-17).padStart(17, "A")}` };
}

export const iamInstanceProfileActions = {
  AssociateIamInstanceProfile,
  DisassociateIamInstanceProfile,
  ReplaceIamInstanceProfileAssociation,
  DescribeIamInstanceProfileAssociations,
};
