import { accountActions } from "./account.ts";
import { accountSettingActions } from "./account-setting.ts";
import type { Action } from "./action.ts";
import { addressActions } from "./address.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressAttributeActions } from "./address-attribute.ts";
import { addressDescribeActions } from "./address-describe.ts";
import { addressTransferActions } from "./address-transfer.ts";
import { blockPublicAccessActions } from "./block-public-access.ts";
import { carrierGatewayActions } from "./carrier-gateway.ts";
import { consoleActions } from "./console.ts";
import { customerGatewayActions } from "./customer-gateway.ts";
import { defaultVpcActions } from "./default-vpc.ts";
import { dhcpOptionsActions } from "./dhcp-options.ts";
import { flowLogActions } from "./flow-log.ts";
import { egressOnlyInternetGatewayActions } from "./egress-only-internet-gateway.ts";
import { iamInstanceProfileActions } from "./iam-instance-profile.ts";
import { imageActions } from "./image.ts";
import { imageAttributeActions } from "./image-attribute.ts";
import { imageCreateActions } from "./image-create.ts";
import { instanceAttributeActions } from "./instance-attribute.ts";
import { instanceAttributeModifyActions } from "./instance-attribute-modify.ts";
import { instanceDescribeActions } from "./instance-describe.ts";
import { instanceMetadataDefaultsActions } from "./instance-metadata-defaults.ts";
import { instanceOptionActions } from "./instance-option.ts";
import { instanceRunActions } from "./instance-run.ts";
import { instanceStateActions } from "./instance-state.ts";
import { instanceTypeActions } from "./instance-type.ts";
import { internetGatewayActions } from "./internet-gateway.ts";
import { internetGatewayAttachmentActions } from "./internet-gateway-attachment.ts";
import { keyPairActions } from "./key-pair.ts";
import { launchTemplateActions } from "./launch-template.ts";
import { launchTemplateVersionActions } from "./launch-template-version.ts";
import { natGatewayActions } from "./nat-gateway.ts";
import { natGatewayAddressActions } from "./nat-gateway-address.ts";
import { natGatewayDescribeActions } from "./nat-gateway-describe.ts";
import { networkAclActions } from "./network-acl.ts";
import { networkAclEntryActions } from "./network-acl-entry.ts";
import { networkInterfaceActions } from "./network-interface.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./network-interface-attribute.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { networkInterfaceIpv6Actions } from "./network-interface-ipv6.ts";
import { notYetActions } from "./not-yet.ts";
import { placementGroupActions } from "./placement-group.ts";
import { publicIpv4PoolActions } from "./public-ipv4-pool.ts";
import { publicDnsNameActions } from "./public-dns-name.ts";
import { prefixListActions } from "./prefix-list.ts";
import { prefixListDescribeActions } from "./prefix-list-describe.ts";
import { regionActions } from "./region.ts";
import { routeActions } from "./route.ts";
import { routeTableActions } from "./route-table.ts";
import { routeTableAssociationActions } from "./route-table-association.ts";
import { securityGroupActions } from "./security-group.ts";
import { securityGroupAssociationActions } from "./security-group-association.ts";
import { securityGroupDescribeActions } from "./security-group-describe.ts";
import { securityGroupReferenceActions } from "./security-group-reference.ts";
import { securityGroupRuleActions } from "./security-group-rule.ts";
import { securityGroupRuleModifyActions } from "./security-group-rule-modify.ts";
import { subnetActions } from "./subnet.ts";
import { subnetDeleteActions } from "./subnet-delete.ts";
import { subnetCidrBlockActions } from "./subnet-cidr-block.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { subnetCidrReservationActions } from "./subnet-cidr-reservation.ts";
import { snapshotActions } from "./snapshot.ts";
import { snapshotAttributeActions } from "./snapshot-attribute.ts";
import { snapshotCreateActions } from "./snapshot-create.ts";
import { tagActions } from "./tag.ts";
import { volumeAttachmentActions } from "./volume-attachment.ts";
import { volumeCreateActions } from "./volume-create.ts";
import { volumeDescribeActions } from "./volume-describe.ts";
import { volumeModifyActions } from "./volume-modify.ts";
import { vpcActions } from "./vpc.ts";
import { vpcCidrBlockActions } from "./vpc-cidr-block.ts";
import { vpcCreateActions } from "./vpc-create.ts";
import { vpcDeleteActions } from "./vpc-delete.ts";
import { vpcEndpointActions } from "./vpc-endpoint.ts";
import { vpcEndpointDescribeActions } from "./vpc-endpoint-describe.ts";
import { vpcPeeringConnectionActions } from "./vpc-peering-connection.ts";
import { vpcPeeringConnectionCreateActions } from "./vpc-peering-connection-create.ts";
import { vpnGatewayActions } from "./vpn-gateway.ts";
import { vpcPeeringConnectionDescribeActions } from "./vpc-peering-connection-describe.ts";

type Actions = Readonly<Record<string, Action<never, unknown>>>;

/** Each noun's operations. */
export const NOUNS: readonly Actions[] = [
  // The network around the gateway
  vpcActions,
  vpcCreateActions,
  vpcDeleteActions,
  vpcCidrBlockActions,
  defaultVpcActions,
  dhcpOptionsActions,
  subnetActions,
  subnetDeleteActions,
  subnetCreateActions,
  subnetCidrBlockActions,
  subnetCidrReservationActions,
  routeTableActions,
  routeTableAssociationActions,
  routeActions,
  internetGatewayActions,
  internetGatewayAttachmentActions,
  blockPublicAccessActions,
  prefixListActions,
  prefixListDescribeActions,
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
  // Addresses, interfaces and what guards them
  addressActions,
  addressAssociationActions,
  addressDescribeActions,
  addressAttributeActions,
  addressTransferActions,
  publicDnsNameActions,
  publicIpv4PoolActions,
  networkInterfaceActions,
  networkInterfaceListActions,
  networkInterfaceAttributeActions,
  networkInterfaceAttachmentActions,
  networkInterfaceAddressActions,
  networkInterfaceIpv6Actions,
  securityGroupActions,
  securityGroupDescribeActions,
  securityGroupReferenceActions,
  securityGroupAssociationActions,
  securityGroupRuleActions,
  securityGroupRuleModifyActions,
  networkAclActions,
  networkAclEntryActions,
  flowLogActions,
  // Instances and what they are made of
  instanceRunActions,
  instanceDescribeActions,
  instanceStateActions,
  instanceAttributeActions,
  instanceAttributeModifyActions,
  instanceOptionActions,
  instanceMetadataDefaultsActions,
  instanceTypeActions,
  iamInstanceProfileActions,
  placementGroupActions,
  keyPairActions,
  launchTemplateActions,
  launchTemplateVersionActions,
  imageActions,
  imageCreateActions,
  imageAttributeActions,
  volumeCreateActions,
  volumeAttachmentActions,
  volumeModifyActions,
  volumeDescribeActions,
  snapshotActions,
  snapshotCreateActions,
  snapshotAttributeActions,
  consoleActions,
  // What belongs to no noun
  regionActions,
  accountActions,
  accountSettingActions,
  tagActions,
  notYetActions,
];

/** Every EC2 operation that Genkan offers. */
export const ACTIONS: Actions = Object.assign({}, ...NOUNS);

/** The names of the operations, in alphabetical order. */
export const OFFERED: readonly string[] = Object.keys(ACTIONS).toSorted();
