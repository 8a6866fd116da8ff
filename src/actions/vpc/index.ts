import { blockPublicAccessActions } from "./block-public-access.ts";
import { classicLinkActions } from "./classic-link.ts";
import { dhcpOptionsActions } from "./dhcp-options.ts";
import { subnetCidrBlockActions } from "./subnet-cidr-block.ts";
import { subnetCidrReservationActions } from "./subnet-cidr-reservation.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { subnetDeleteActions } from "./subnet-delete.ts";
import { subnetActions } from "./subnet.ts";
import { vpcCidrBlockActions } from "./vpc-cidr-block.ts";
import { vpcCreateActions } from "./vpc-create.ts";
import { vpcDeleteActions } from "./vpc-delete.ts";
import { vpcActions } from "./vpc.ts";

/** VPCs and their subnets. */
export const VPC_NOUNS = [
  vpcActions,
  vpcCreateActions,
  vpcDeleteActions,
  vpcCidrBlockActions,
  dhcpOptionsActions,
  subnetActions,
  subnetDeleteActions,
  subnetCreateActions,
  subnetCidrBlockActions,
  subnetCidrReservationActions,
  blockPublicAccessActions,
  classicLinkActions,
] as const;
