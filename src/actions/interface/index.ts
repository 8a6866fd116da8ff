import { addressAssociationActions } from "./address-association.ts";
import { addressAttributeActions } from "./address-attribute.ts";
import { addressDescribeActions } from "./address-describe.ts";
import { addressTransferActions } from "./address-transfer.ts";
import { addressActions } from "./address.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./network-interface-attribute.ts";
import { networkInterfaceIpv6Actions } from "./network-interface-ipv6.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { networkInterfaceActions } from "./network-interface.ts";
import { publicDnsNameActions } from "./public-dns-name.ts";
import { publicIpv4PoolActions } from "./public-ipv4-pool.ts";

/** Network interfaces, and the addresses that they have. */
export const INTERFACE_NOUNS = [
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
] as const;
