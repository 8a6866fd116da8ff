import type {
  AccountAttribute,
  DescribeAccountAttributesRequest,
  DescribeAccountAttributesResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Action } from "./action.ts";
import { defaultVpcOf } from "./find.ts";

const DescribeAccountAttributes: Action<DescribeAccountAttributesRequest, DescribeAccountAttributesResult> = (
  tx,
  input,
  { quotas },
) => {
  const values: Readonly<Record<string, string | number>> = {
    "vpc-max-security-groups-per-interface": quotas["security-groups-per-interface"],
    "max-instances": quotas.instances,
    "supported-platforms": "VPC",
    "default-vpc": defaultVpcOf(tx)?.id ?? "none",
    "max-elastic-ips": quotas["elastic-ips"],
    "vpc-max-elastic-ips": quotas["elastic-ips"],
  };
  const names: readonly string[] =
    input.AttributeNames && input.AttributeNames.length > 0 ? input.AttributeNames : Object.keys(values);
  const AccountAttributes = names.map((name): AccountAttribute => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined)
      throw new Fault("InvalidParameterValue", `Value (${name}) for parameter attributeName is invalid.`);
    return { AttributeName: name, AttributeValues: [{ AttributeValue: String(value) }] };
  });
  return { AccountAttributes };
};

export const accountActions = { DescribeAccountAttributes };
