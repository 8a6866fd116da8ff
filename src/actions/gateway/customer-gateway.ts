import type {
  CreateCustomerGatewayRequest,
  CreateCustomerGatewayResult,
  CustomerGateway as GatewayAnswer,
  DeleteCustomerGatewayRequest,
  DescribeCustomerGatewaysRequest,
  DescribeCustomerGatewaysResult,
} from "@aws-sdk/client-ec2";
import { parseIpv4, parseIpv6 } from "../../lib/address.ts";
import type { CustomerGateway } from "../../model/customer-gateway.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Action } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, given, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import { requireIpsec } from "./vpn-gateway.ts";

/** The same request again answers the gateway that there is (EC2 API reference, CreateCustomerGateway). */
const CreateCustomerGateway: Action<CreateCustomerGatewayRequest, CreateCustomerGatewayResult> = (
  tx,
  input,
  context,
) => {
  requireIpsec(input.Type);
  const tags = tagsFor("customer-gateway", input.TagSpecifications, context.quotas);
  const wanted = wantedGateway(input);
  const known = tx.list("customer-gateway").find((gateway) => sameGateway(gateway, wanted));
  if (known) return { CustomerGateway: described(known) };
  const words = "The maximum number of customer gateways has been reached.";
  requireQuota(
    context,
    "customer-gateways",
    tx.count("customer-gateway") + 1,
    "CustomerGatewayLimitExceeded",
    words,
  );
  const gateway: CustomerGateway = {
    kind: "customer-gateway",
    id: newId("customer-gateway", context.random),
    tags,
    ...wanted,
  };
  tx.put(gateway);
  return { CustomerGateway: described(gateway) };
};

type Wanted = Omit<CustomerGateway, "kind" | "id" | "tags">;

function sameGateway(one: Wanted, other: Wanted): boolean {
  const names = ["ipAddress", "certificateArn", "bgpAsn", "deviceName"] as const;
  return names.every((name) => one[name] === other[name]);
}

/**
 * @throws MissingParameter without address and certificate; InvalidParameterCombination;
 * InvalidParameterValue.
 */
function wantedGateway(input: CreateCustomerGatewayRequest): Wanted {
  const [IpAddress, PublicIp, CertificateArn, DeviceName] = [
    input.IpAddress,
    input.PublicIp,
    input.CertificateArn,
    input.DeviceName,
  ].map(given);
  if (IpAddress !== undefined && PublicIp !== undefined && IpAddress !== PublicIp) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter ipAddress cannot be used with the parameter publicIp",
    );
  }
  const ipAddress = IpAddress ?? PublicIp;
  if (ipAddress === undefined) required(CertificateArn, "ipAddress");
  else requireAddress(ipAddress);
  return {
    ...(ipAddress === undefined ? {} : { ipAddress }),
    ...(CertificateArn === undefined ? {} : { certificateArn: CertificateArn }),
    bgpAsn: asnIn(input),
    ...(DeviceName === undefined ? {} : { deviceName: DeviceName }),
  };
}

function requireAddress(ip: string): void {
  if (parseIpv4(ip) !== undefined || parseIpv6(ip) !== undefined) return;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${ip}) for parameter ipAddress is invalid. This is not a valid IP address.`,
  );
}

/** Small numbers in one parameter, large ones in another (EC2 API reference, CreateCustomerGateway). */
function asnIn({ BgpAsn: small, BgpAsnExtended: large }: CreateCustomerGatewayRequest): number {
  if (small !== undefined && large !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter bgpAsn cannot be used with the parameter bgpAsnExtended",
    );
  }
  if (large !== undefined) return within(large, "bgpAsnExtended", { from: 2 ** 31, to: 2 ** 32 - 1 });
  return within(small ?? 65_000, "bgpAsn", { from: 1, to: 2 ** 31 - 1 });
}

function within(
  asn: number,
  name: string,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  if (asn >= from && asn <= to) return asn;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${asn}) for parameter ${name} is invalid. Valid values: ${from} to ${to}.`,
  );
}

const DeleteCustomerGateway: Action<DeleteCustomerGatewayRequest, Done> = (tx, input) => {
  tx.delete("customer-gateway", find(tx, "customer-gateway", input.CustomerGatewayId).id);
  return DONE;
};

const DescribeCustomerGateways: Action<DescribeCustomerGatewaysRequest, DescribeCustomerGatewaysResult> = (
  tx,
  input,
) => {
  const gateways = chosen(
    input.CustomerGatewayIds,
    (id) => find(tx, "customer-gateway", id),
    () => candidates(tx, "customer-gateway", undefined, {}),
  );
  const { items } = searched(gateways, { Filters: input.Filters }, FIELDS);
  return { CustomerGateways: items.map(described) };
};

const FIELDS: FilterFields<CustomerGateway> = {
  "bgp-asn": (gateway) => String(gateway.bgpAsn),
  "customer-gateway-id": (gateway) => gateway.id,
  "ip-address": (gateway) => gateway.ipAddress,
  state: () => "available",
  type: () => "ipsec.1",
};

function described(gateway: CustomerGateway): GatewayAnswer {
  const { bgpAsn } = gateway;
  return {
    CustomerGatewayId: gateway.id,
    State: "available",
    Type: "ipsec.1",
    IpAddress: gateway.ipAddress,
    CertificateArn: gateway.certificateArn,
    DeviceName: gateway.deviceName,
    ...(bgpAsn < 2 ** 31 ? { BgpAsn: String(bgpAsn) } : { BgpAsnExtended: String(bgpAsn) }),
    Tags: tagList(gateway.tags),
  };
}

export const customerGatewayActions = {
  CreateCustomerGateway,
  DeleteCustomerGateway,
  DescribeCustomerGateways,
};
