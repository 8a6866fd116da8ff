import type { Base } from "./common.ts";

/**
 * An endpoint of an AWS service: of type Gateway when it has no `interfaces`. Genkan has no service behind
 * it.
 */
export type VpcEndpoint = Base<"vpc-endpoint"> & {
  readonly vpcId: string;
  /** `com.amazonaws.us-east-1.s3`. */
  readonly serviceName: string;
  /** JSON, as the request had it. */
  readonly policyDocument: string;
  /** ISO 8601. */
  readonly createTime: string;
  /** Only for type Interface: what its interfaces have in common. They are found by the endpoint's id. */
  readonly interfaces?: EndpointInterfaces;
};

export type EndpointInterfaces = {
  readonly groupIds: readonly string[];
  readonly privateDnsEnabled: boolean;
  /**
   * Private names only for resolver endpoints, of which Genkan has none; only S3's endpoints can have this.
   */
  readonly privateDnsOnlyForInboundResolverEndpoint: boolean;
  /** The part of the endpoint's own names after its id. */
  readonly dnsSuffix: string;
};
