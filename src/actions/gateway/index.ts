import { carrierGatewayActions } from "./carrier-gateway.ts";
import { customerGatewayActions } from "./customer-gateway.ts";
import { egressOnlyInternetGatewayActions } from "./egress-only-internet-gateway.ts";
import { internetGatewayAttachmentActions } from "./internet-gateway-attachment.ts";
import { internetGatewayActions } from "./internet-gateway.ts";
import { natGatewayAddressActions } from "./nat-gateway-address.ts";
import { natGatewayDescribeActions } from "./nat-gateway-describe.ts";
import { natGatewayActions } from "./nat-gateway.ts";
import { transitGatewayActions } from "./transit-gateway.ts";
import { vpcEndpointDescribeActions } from "./vpc-endpoint-describe.ts";
import { vpcEndpointActions } from "./vpc-endpoint.ts";
import { vpcPeeringConnectionCreateActions } from "./vpc-peering-connection-create.ts";
import { vpcPeeringConnectionDescribeActions } from "./vpc-peering-connection-describe.ts";
import { vpcPeeringConnectionActions } from "./vpc-peering-connection.ts";
import { vpnConnectionActions } from "./vpn-connection.ts";
import { vpnGatewayActions } from "./vpn-gateway.ts";

/** Where routes lead out of a VPC: gateways, endpoints and peering connections. */
export const GATEWAY_NOUNS = [
  internetGatewayActions,
  internetGatewayAttachmentActions,
  natGatewayActions,
  natGatewayAddressActions,
  natGatewayDescribeActions,
  egressOnlyInternetGatewayActions,
  vpcPeeringConnectionActions,
  vpcPeeringConnectionCreateActions,
  vpcPeeringConnectionDescribeActions,
  vpcEndpointActions,
  vpcEndpointDescribeActions,
  vpnGatewayActions,
  customerGatewayActions,
  carrierGatewayActions,
  transitGatewayActions,
  vpnConnectionActions,
] as const;
