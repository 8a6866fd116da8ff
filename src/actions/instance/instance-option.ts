import type {
  DescribeInstanceCreditSpecificationsRequest,
  DescribeInstanceCreditSpecificationsResult,
  ModifyInstanceCreditSpecificationRequest,
  ModifyInstanceCreditSpecificationResult,
  ModifyInstanceMaintenanceOptionsRequest,
  ModifyInstanceMaintenanceOptionsResult,
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { describedMetadataOptions } from "./instance-describe.ts";
import { requireTokensKept } from "./instance-metadata-defaults.ts";
import { metadataOptions } from "./instance-metadata-options.ts";
import { autoRecoveryOf, cpuCreditsOf } from "./instance-run-option.ts";
import { requireShowableTags } from "./instance-tag.ts";
import { findInstances } from "./instance.ts";

/** The options that are not given stay. */
const ModifyInstanceMetadataOptions: Action<
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult
> = (tx, input) => {
  const instance = find(tx, "instance", input.InstanceId);
  if (instance.state === "terminated" || instance.state === "shutting-down") {
    throw new Fault(
      "IncorrectInstanceState",
      `The instance '${instance.id}' is not in a valid state for this operation.`,
    );
  }
  requireTokensKept(tx, input.HttpTokens);
  const changed: Instance = {
    ...instance,
    metadataOptions: metadataOptions(input, instance.metadataOptions),
  };
  requireShowableTags(changed.metadataOptions, instance.tags);
  tx.put(changed);
  return {
    InstanceId: instance.id,
    InstanceMetadataOptions: { ...describedMetadataOptions(changed), State: "pending" },
  };
};

/** A record: nothing is recovered. */
const ModifyInstanceMaintenanceOptions: Action<
  ModifyInstanceMaintenanceOptionsRequest,
  ModifyInstanceMaintenanceOptionsResult
> = (tx, input) => {
  refuseUnoffered(input, ["RebootMigration"]);
  const instance = find(tx, "instance", input.InstanceId);
  const autoRecovery = autoRecoveryOf(input.AutoRecovery) ?? instance.autoRecovery ?? "default";
  tx.put({ ...instance, autoRecovery });
  return { InstanceId: instance.id, AutoRecovery: autoRecovery };
};

/** Without ids: the burstable instances that have unlimited credits. */
const DescribeInstanceCreditSpecifications: Action<
  DescribeInstanceCreditSpecificationsRequest,
  DescribeInstanceCreditSpecificationsResult
> = (tx, input) => {
  const instances = filtered(creditInstances(tx, input.InstanceIds), input.Filters, CREDIT_FIELDS);
  const { items, nextToken } = paged(instances, input);
  return {
    InstanceCreditSpecifications: items.map((instance) => ({
      InstanceId: instance.id,
      CpuCredits: creditsOf(instance),
    })),
    NextToken: nextToken,
  };
};

const CREDIT_FIELDS: FilterFields<Instance> = { "instance-id": (instance) => instance.id };

function creditInstances(tx: Reader, ids: readonly string[] | undefined): readonly Instance[] {
  if (ids && ids.length > 0) return findInstances(tx, ids).filter(isBurstable);
  return tx
    .list("instance")
    .filter((instance) => isBurstable(instance) && creditsOf(instance) === "unlimited");
}

function isBurstable({ instanceType }: Instance): boolean {
  return instanceTypeInfo(instanceType)?.burstable === true;
}

/** T2 begins with standard credits, later families with unlimited ones (EC2 user guide, "Unlimited mode"). */
function creditsOf({ cpuCredits, instanceType }: Instance): string {
  return cpuCredits ?? (instanceType.startsWith("t2.") ? "standard" : "unlimited");
}

/** A record: nothing is counted. */
const ModifyInstanceCreditSpecification: Action<
  ModifyInstanceCreditSpecificationRequest,
  ModifyInstanceCreditSpecificationResult
> = (tx, input) => {
  const changed = required(input.InstanceCreditSpecifications, "InstanceCreditSpecification").map(
    ({ InstanceId, CpuCredits }) => {
      const instance = find(tx, "instance", InstanceId);
      const cpuCredits = required(cpuCreditsOf(CpuCredits), "CpuCredits");
      if (!isBurstable(instance)) {
        throw new Fault(
          "UnsupportedOperation",
          `The instance '${instance.id}' is not of a burstable performance type.`,
        );
      }
      tx.put({ ...instance, cpuCredits });
      return { InstanceId: instance.id };
    },
  );
  return { SuccessfulInstanceCreditSpecifications: changed, UnsuccessfulInstanceCreditSpecifications: [] };
};

export const instanceOptionActions = {
  ModifyInstanceMetadataOptions,
  ModifyInstanceMaintenanceOptions,
  DescribeInstanceCreditSpecifications,
  ModifyInstanceCreditSpecification,
};
