/**
 * `ip-10-0-1-5.ec2.internal`, or under `REGION.compute.internal` outside us-east-1. Source: VPC user guide,
 * "DNS attributes for your VPC".
 */
export function privateDnsName(privateIp: string, region: string): string {
  return `ip-${privateIp.replaceAll(".", "-")}.${privateDnsDomain(region)}`;
}

/**
 * `i-0123456789abcdef0.ec2.internal`: the name of an instance that has no IPv4 address (EC2 user guide,
 * "Hostname types").
 */
export function resourceDnsName(instanceId: string, region: string): string {
  return `${instanceId}.${privateDnsDomain(region)}`;
}

export function privateDnsDomain(region: string): string {
  return region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`;
}

/** `ec2-203-0-113-5.compute-1.amazonaws.com` in us-east-1, elsewhere under `REGION.compute`. */
export function publicDnsName(publicIp: string, region: string): string {
  return `ec2-${publicIp.replaceAll(".", "-")}.${region === "us-east-1" ? "compute-1" : `${region}.compute`}.amazonaws.com`;
}
