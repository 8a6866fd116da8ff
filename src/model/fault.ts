/** Every error code that Genkan answers with, and its HTTP status. Codes are AWS's own (facts: EC2 "Error codes"). */
export const FAULT_STATUS = {
  // The request itself
  AuthFailure: 401,
  SignatureDoesNotMatch: 403,
  InvalidClientTokenId: 403,
  MissingAuthenticationToken: 403,
  IncompleteSignature: 400,
  RequestExpired: 400,
  InvalidAction: 400,
  InvalidRequest: 400,
  MissingAction: 400,
  NoSuchVersion: 400,
  MissingParameter: 400,
  UnknownParameter: 400,
  MalformedQueryString: 400,
  InvalidParameter: 400,
  InvalidParameterValue: 400,
  InvalidParameterCombination: 400,
  DryRunOperation: 412,
  IdempotentParameterMismatch: 400,
  InvalidNextToken: 400,
  UnsupportedOperation: 400,
  OperationNotPermitted: 400,
  OptInRequired: 401,
  RequestEntityTooLarge: 413,
  InternalError: 500,
  InsufficientInstanceCapacity: 500,
  Unavailable: 503,
  // Shared by many nouns
  DependencyViolation: 400,
  "Resource.AlreadyAssociated": 400,
  "Gateway.NotAttached": 400,
  IncorrectState: 400,
  InvalidID: 400,
  InvalidState: 400,
  TagLimitExceeded: 400,
  // VPCs and subnets
  "InvalidVpcID.NotFound": 400,
  "InvalidVpc.Range": 400,
  VpcLimitExceeded: 400,
  CidrLimitExceeded: 400,
  "InvalidVpcCidrBlockAssociationID.NotFound": 400,
  DefaultVpcAlreadyExists: 400,
  DefaultVpcDoesNotExist: 400,
  DefaultSubnetAlreadyExistsInAvailabilityZone: 400,
  "InvalidSubnetID.NotFound": 400,
  "InvalidSubnet.Conflict": 400,
  "InvalidSubnet.Range": 400,
  SubnetLimitExceeded: 400,
  InsufficientFreeAddressesInSubnet: 400,
  "InvalidDhcpOptionID.NotFound": 400,
  // Route tables and gateways
  "InvalidRouteTableID.NotFound": 400,
  "InvalidRouteTableId.Malformed": 400,
  "InvalidRoute.NotFound": 400,
  "InvalidRoute.InvalidState": 400,
  RouteAlreadyExists: 400,
  RouteLimitExceeded: 400,
  RouteTableLimitExceeded: 400,
  "InvalidAssociationID.NotFound": 400,
  "InvalidGatewayID.NotFound": 400,
  "InvalidInternetGatewayID.NotFound": 400,
  "InvalidInternetGatewayId.Malformed": 400,
  InternetGatewayLimitExceeded: 400,
  NatGatewayNotFound: 400,
  // Addresses and interfaces
  "InvalidAllocationID.NotFound": 400,
  "InvalidAddress.NotFound": 400,
  "InvalidAddressID.NotFound": 400,
  "InvalidIPAddress.InUse": 400,
  AddressLimitExceeded: 400,
  InsufficientAddressCapacity: 400,
  "InvalidNetworkInterfaceID.NotFound": 400,
  "InvalidNetworkInterface.InUse": 400,
  "InvalidAttachmentID.NotFound": 400,
  AttachmentLimitExceeded: 400,
  NetworkInterfaceLimitExceeded: 400,
  PrivateIpAddressLimitExceeded: 400,
  // Security groups and network ACLs
  "InvalidGroup.NotFound": 400,
  "InvalidGroup.Duplicate": 400,
  "InvalidGroup.Reserved": 400,
  "InvalidGroup.InUse": 400,
  "InvalidGroupId.Malformed": 400,
  CannotDelete: 400,
  "InvalidPermission.Duplicate": 400,
  "InvalidPermission.NotFound": 400,
  "InvalidPermission.Malformed": 400,
  "InvalidSecurityGroupRuleId.NotFound": 400,
  "InvalidSecurityGroupRuleId.Malformed": 400,
  SecurityGroupLimitExceeded: 400,
  SecurityGroupsPerInterfaceLimitExceeded: 400,
  RulesPerSecurityGroupLimitExceeded: 400,
  "InvalidNetworkAclID.NotFound": 400,
  "InvalidNetworkAclEntry.NotFound": 400,
  NetworkAclEntryAlreadyExists: 400,
  NetworkAclEntryLimitExceeded: 400,
  NetworkAclLimitExceeded: 400,
  // Instances, images, keys
  "InvalidInstanceID.NotFound": 400,
  "InvalidInstanceID.Malformed": 400,
  IncorrectInstanceState: 400,
  InstanceLimitExceeded: 400,
  InvalidInstanceType: 400,
  InvalidInstanceAttributeValue: 400,
  "InvalidAMIID.NotFound": 400,
  "InvalidAMIID.Malformed": 400,
  "InvalidKeyPair.NotFound": 400,
  "InvalidKeyPair.Duplicate": 400,
  "InvalidUserData.Malformed": 400,
  "InvalidZone.NotFound": 400,
  "InvalidVolume.NotFound": 400,
} as const;

export type FaultCode = keyof typeof FAULT_STATUS;

/** A user's error with AWS's code and words. Thrown by actions and wire, caught once in the server. */
export class Fault extends Error {
  readonly code: FaultCode;
  constructor(code: FaultCode, message: string) {
    super(message);
    this.name = "Fault";
    this.code = code;
  }
  /** The HTTP status that AWS sends with this code. */
  get status(): number {
    return FAULT_STATUS[this.code];
  }
}
