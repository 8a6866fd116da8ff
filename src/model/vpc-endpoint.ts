import type { Base } from "./common.ts";

/** A gateway endpoint: a way to one of AWS's services, from the route tables whose routes name it. Nothing stands behind it here. */
export type VpcEndpoint = Base<"vpc-endpoint"> & {
  readonly vpcId: string;
  /** `com.amazonaws.us-east-1.s3`. */
  readonly serviceName: string;
  /** JSON, as it was given. */
  readonly policyDocument: string;
  /** ISO 8601. */
  readonly createTime: string;
};
