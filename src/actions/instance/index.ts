import { consoleActions } from "./console.ts";
import { hostActions } from "./host.ts";
import { iamInstanceProfileActions } from "./iam-instance-profile.ts";
import { instanceAttributeModifyActions } from "./instance-attribute-modify.ts";
import { instanceAttributeActions } from "./instance-attribute.ts";
import { instanceDescribeActions } from "./instance-describe.ts";
import { instanceMetadataDefaultsActions } from "./instance-metadata-defaults.ts";
import { instanceOptionActions } from "./instance-option.ts";
import { instanceRunActions } from "./instance-run.ts";
import { instanceStateActions } from "./instance-state.ts";
import { instanceTypeActions } from "./instance-type.ts";
import { keyPairActions } from "./key-pair.ts";
import { launchTemplateVersionActions } from "./launch-template-version.ts";
import { launchTemplateActions } from "./launch-template.ts";
import { placementGroupActions } from "./placement-group.ts";
import { spotInstanceRequestActions } from "./spot-instance-request.ts";

/** Instances, and what they are launched with. */
export const INSTANCE_NOUNS = [
  instanceRunActions,
  instanceDescribeActions,
  instanceStateActions,
  instanceAttributeActions,
  instanceAttributeModifyActions,
  instanceOptionActions,
  instanceMetadataDefaultsActions,
  instanceTypeActions,
  iamInstanceProfileActions,
  placementGroupActions,
  keyPairActions,
  launchTemplateActions,
  launchTemplateVersionActions,
  consoleActions,
  hostActions,
  spotInstanceRequestActions,
] as const;
