import { endpointDnsNames, endpointService, matchesDnsName } from "../model/endpoint-service.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { VpcEndpoint } from "../model/vpc-endpoint.ts";
import type { Asker } from "./directory.ts";

/**
 * The addresses for a name of an interface endpoint; undefined for another name. The endpoint's own names are
 * public; its service's names lead to it in its own VPC, while private DNS is on and the VPC gives names (AWS
 * PrivateLink guide, "DNS hostnames").
 */
export function endpointAddresses(name: string, asker: Asker): readonly string[] | undefined {
  return addressesOfOwn(name, asker) ?? addressesOfService(name, asker);
}

function addressesOfOwn(name: string, { reader, region }: Asker): readonly string[] | undefined {
  const id = /(?:^|\.)(vpce-[0-9a-f]{17})-[0-9a-z-]+\..*\.vpce\.amazonaws\.com$/.exec(name)?.[1];
  const endpoint = id === undefined ? undefined : reader.get("vpc-endpoint", id);
  const service = endpoint && endpointService(endpoint.serviceName, region);
  if (!endpoint?.interfaces || !service) return undefined;
  const enis = reader.by("network-interface", "vpcEndpointId", endpoint.id);
  const names = endpointDnsNames(
    { id: endpoint.id, ...endpoint.interfaces },
    service,
    enis.map((eni) => eni.availabilityZone),
  );
  const index = names.findIndex((pattern) => matchesDnsName(pattern, name));
  if (index < 0) return undefined;
  // The first name is for all zones together.
  return addressesIn(index === 0 ? enis : enis.slice(index - 1, index));
}

function addressesOfService(name: string, { reader, region, vpc }: Asker): readonly string[] | undefined {
  if (!name.endsWith(`.${region}.amazonaws.com`) || !vpc.enableDnsHostnames) return undefined;
  const endpoint = reader.by("vpc-endpoint", "vpcId", vpc.id).find((one) => leads(one, name, region));
  return endpoint && addressesIn(reader.by("network-interface", "vpcEndpointId", endpoint.id));
}

function leads({ interfaces, serviceName }: VpcEndpoint, name: string, region: string): boolean {
  if (interfaces?.privateDnsEnabled !== true || interfaces.privateDnsOnlyForInboundResolverEndpoint)
    return false;
  return (
    endpointService(serviceName, region)?.privateDnsNames.some((pattern) => matchesDnsName(pattern, name)) ===
    true
  );
}

function addressesIn(enis: readonly NetworkInterface[]): readonly string[] {
  return enis.flatMap(({ privateIpAddresses: [ip] }) => (ip === undefined ? [] : [ip]));
}
