import { createHash } from "node:crypto";

/** An AWS service that interface endpoints lead to. */
export type EndpointService = {
  /** `com.amazonaws.us-east-1.ecr.api`. */
  readonly name: string;
  readonly id: string;
  /** The end of each endpoint's own names: `api.ecr.us-east-1.vpce.amazonaws.com`. */
  readonly baseDnsName: string;
  /**
   * The service's public names, which private DNS leads to an endpoint; a leading `*.` matches any labels.
   */
  readonly privateDnsNames: readonly string[];
};

/**
 * The services of a region, in alphabetical order (AWS PrivateLink guide, "AWS services that integrate with
 * AWS PrivateLink").
 */
export function endpointServices(region: string): readonly EndpointService[] {
  return NAMES.map((service) => serviceOf(service, region));
}

/** The service with this name, or undefined. */
export function endpointService(name: string, region: string): EndpointService | undefined {
  const prefix = `com.amazonaws.${region}.`;
  const service = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return NAMES.includes(service) ? serviceOf(service, region) : undefined;
}

function serviceOf(service: string, region: string): EndpointService {
  const name = `com.amazonaws.${region}.${service}`;
  const labels = service.split(".").toReversed().join(".");
  const names = PRIVATE_NAMES.get(service) ?? [labels];
  return {
    name,
    id: `vpce-svc-${createHash("sha256").update(name).digest("hex").slice(0, 17)}`,
    baseDnsName: `${labels}.${region}.vpce.amazonaws.com`,
    privateDnsNames: names.map((each) => `${each}.${region}.amazonaws.com`),
  };
}

/** Public names that are not just the service's labels in reverse order. */
const PRIVATE_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["codeartifact.repositories", ["*.d.codeartifact"]],
  ["ecr.dkr", ["*.dkr.ecr"]],
  ["ecs-agent", ["ecs-a"]],
  ["ecs-telemetry", ["ecs-t"]],
  ["execute-api", ["*.execute-api"]],
  ["kinesis-firehose", ["firehose"]],
  ["kinesis-streams", ["kinesis"]],
  ["s3", ["s3", "*.s3", "*.s3-accesspoint", "*.s3-control"]],
]);

const NAMES: readonly string[] =
  `access-analyzer acm-pca application-autoscaling appmesh appmesh-envoy-management appstream.api athena autoscaling
  autoscaling-plans backup batch bedrock bedrock-agent bedrock-agent-runtime bedrock-runtime cassandra cloudformation cloudhsmv2
  cloudtrail codeartifact.api codeartifact.repositories codebuild codecommit codedeploy codedeploy-commands-secure codepipeline
  comprehend config databrew dataexchange datasync dms dynamodb ebs ec2 ec2messages ecr.api ecr.dkr ecs ecs-agent ecs-telemetry eks
  eks-auth elasticache elasticbeanstalk elasticbeanstalk-health elasticfilesystem elasticloadbalancing elasticmapreduce email-smtp
  events execute-api fis fsx git-codecommit glue guardduty-data imagebuilder inspector2 kafka kinesis-firehose kinesis-streams kms
  lakeformation lambda license-manager logs macie2 monitoring network-firewall polly rds rds-data redshift redshift-data rekognition
  s3 sagemaker.api sagemaker.runtime scheduler secretsmanager securityhub servicecatalog servicediscovery sns sqs ssm ssm-contacts
  ssm-incidents ssmmessages states storagegateway sts sync-states synthetics tagging textract transcribe transfer translate
  verifiedpermissions wafv2 workspaces xray`.split(/\s+/);

/**
 * The endpoint's public names: first for all its zones together, then for each zone. `suffix`: makes them
 * impossible to guess.
 */
export function endpointDnsNames(
  endpoint: { readonly id: string; readonly dnsSuffix: string },
  service: EndpointService,
  zones: readonly string[],
): readonly string[] {
  const label = `${endpoint.id}-${endpoint.dnsSuffix}`;
  const star = service.privateDnsNames.some((name) => name.startsWith("*.s3.")) ? "*." : "";
  return [label, ...zones.map((zone) => `${label}-${zone}`)].map(
    (each) => `${star}${each}.${service.baseDnsName}`,
  );
}

/** Whether a name equals the pattern, or lies under it when it begins with `*.`. */
export function matchesDnsName(pattern: string, name: string): boolean {
  return pattern.startsWith("*.")
    ? name.endsWith(pattern.slice(1)) && name.length >= pattern.length
    : name === pattern;
}
