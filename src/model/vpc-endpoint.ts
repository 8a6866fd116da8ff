import type { Base } from "./common.ts";

/** A way to one of AWS's services: of type Gateway unless it has interfaces. Nothing stands behind it here. */
export type VpcEndpoint = Base<"vpc-endpoint"> & {
  readonly vpcId: string;
  /** `com.amazonaws.us-east-1.s3`. */
  readonly serviceName: string;
  /** JSON, as it was given. */
  readonly policyDocument: string;
  /** ISO 8601. */
  readonly createTime: string;
  /** Of type Interface: what its interfaces, which are found by the endpoint's id, have in common. */
  readonly interfaces?: EndpointInterfaces;
};

export type EndpointInterfaces = {
  readonly groupIds: readonly string[];
  readonly privateDnsEnabled: boolean;
  /** Private names are for resolver endpoints alone, of which there are none here; only S3's endpoints can have it. */
  readonly privateDnsOnlyForInboundResolverEndpoint: boolean;
  /** In the endpoint's own names, behind its id. */
  readonly dnsSuffix: string;
};
