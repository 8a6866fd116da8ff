import { networkAclEntryActions } from "./network-acl-entry.ts";
import { networkAclActions } from "./network-acl.ts";
import { securityGroupAssociationActions } from "./security-group-association.ts";
import { securityGroupDescribeActions } from "./security-group-describe.ts";
import { securityGroupReferenceActions } from "./security-group-reference.ts";
import { securityGroupRuleModifyActions } from "./security-group-rule-modify.ts";
import { securityGroupRuleActions } from "./security-group-rule.ts";
import { securityGroupActions } from "./security-group.ts";

/** What guards interfaces and subnets: security groups and network ACLs. */
export const SECURITY_NOUNS = [
  securityGroupActions,
  securityGroupDescribeActions,
  securityGroupReferenceActions,
  securityGroupAssociationActions,
  securityGroupRuleActions,
  securityGroupRuleModifyActions,
  networkAclActions,
  networkAclEntryActions,
] as const;
