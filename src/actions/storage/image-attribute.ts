import type {
  DescribeImageAttributeRequest,
  ImageAttribute,
  ImageAttributeName,
  ModifyImageAttributeRequest,
  ResetImageAttributeRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { OwnImage } from "../../model/image.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { type Done, DONE, given, refuseUnoffered, required, unoffered } from "../kit/parameter.ts";
import { describedSharing, shared, sharingAsked, UNSHARED } from "../kit/sharing.ts";
import { findOwnImage } from "./image.ts";

/** @throws the faults of {@link findOwnImage}; InvalidAMIID.Unavailable. */
function findRegistered(tx: Reader, id: string | undefined, { region }: Context): OwnImage {
  const image = findOwnImage(tx, id, region);
  if (image.deregistered !== true) return image;
  throw new Fault("InvalidAMIID.Unavailable", `The image ID '${image.id}' is no longer available`);
}

/** The one attribute asked for. */
const DescribeImageAttribute: Action<DescribeImageAttributeRequest, ImageAttribute> = (
  tx,
  input,
  context,
) => {
  const image = findRegistered(tx, input.ImageId, context);
  const name = required(input.Attribute, "attribute");
  const answer = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
  if (!answer) throw new Fault("InvalidRequest", "The request received was invalid");
  return { ImageId: image.id, ...answer(image) };
};

const ATTRIBUTES: Readonly<Partial<Record<ImageAttributeName, (image: OwnImage) => ImageAttribute>>> = {
  bootMode: (image) => ({ BootMode: { Value: image.bootMode } }),
  description: (image) => ({ Description: { Value: image.description ?? "" } }),
  imdsSupport: (image) => ({ ImdsSupport: image.imdsV2 ? { Value: "v2.0" } : {} }),
  launchPermission: ({ sharing = UNSHARED }) => ({
    LaunchPermissions: describedSharing(sharing) as NonNullable<ImageAttribute["LaunchPermissions"]>,
  }),
  productCodes: () => ({ ProductCodes: [] }),
  sriovNetSupport: () => ({ SriovNetSupport: { Value: "simple" } }),
};

/** One attribute at a time, in either of the two forms that AWS has for it. */
const ModifyImageAttribute: Action<ModifyImageAttributeRequest, Done> = (tx, input, context) => {
  refuseUnoffered(input, ["ProductCodes", "OrganizationArns", "OrganizationalUnitArns"]);
  const image = findRegistered(tx, input.ImageId, context);
  const name = given(input.Attribute);
  const description = input.Description?.Value ?? (name === "description" ? (input.Value ?? "") : undefined);
  if (description !== undefined) {
    tx.put({ ...image, description });
    return DONE;
  }
  const imds = input.ImdsSupport?.Value ?? (name === "imdsSupport" ? input.Value : undefined);
  if (imds !== undefined) {
    if (imds !== "v2.0")
      throw new Fault("InvalidParameterValue", `Value (${imds}) for parameter imdsSupport is invalid.`);
    tx.put({ ...image, imdsV2: true });
    return DONE;
  }
  if (name !== undefined && name !== "launchPermission") throw unoffered("Attribute");
  const { Add = [], Remove = [] } = input.LaunchPermission ?? {};
  for (const item of [...Add, ...Remove]) refuseUnoffered(item, ["OrganizationArn", "OrganizationalUnitArn"]);
  const asked = sharingAsked(
    { Add, Remove },
    { operation: input.OperationType, groups: input.UserGroups, users: input.UserIds },
  );
  if (asked.add.length + asked.remove.length === 0)
    throw new Fault("InvalidParameterCombination", "No attributes specified.");
  tx.put({ ...image, sharing: shared(image.sharing ?? UNSHARED, asked) });
  return DONE;
};

const ResetImageAttribute: Action<ResetImageAttributeRequest, Done> = (tx, input, context) => {
  const image = findRegistered(tx, input.ImageId, context);
  const name: string = required(input.Attribute, "attribute");
  if (name !== "launchPermission") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter attribute is invalid. Only launchPermission can be reset.`,
    );
  }
  tx.put({ ...image, sharing: UNSHARED });
  return DONE;
};

export const imageAttributeActions = { DescribeImageAttribute, ModifyImageAttribute, ResetImageAttribute };
