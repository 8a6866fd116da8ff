import type {
  DescribeHostsRequest,
  DescribeHostsResult,
  DescribeSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsResult,
  GetEbsEncryptionByDefaultRequest,
  GetEbsEncryptionByDefaultResult,
  GetSerialConsoleAccessStatusRequest,
  GetSerialConsoleAccessStatusResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import type { Action } from "./action.ts";
import { type Filter, filtered, paged } from "./describe.ts";

/** Nothing sets it: new volumes are unencrypted unless a request says otherwise. */
const GetEbsEncryptionByDefault: Action<GetEbsEncryptionByDefaultRequest, GetEbsEncryptionByDefaultResult> = () => ({
  EbsEncryptionByDefault: false,
});

/** Nothing sets it: an instance has no serial console here. */
const GetSerialConsoleAccessStatus: Action<GetSerialConsoleAccessStatusRequest, GetSerialConsoleAccessStatusResult> = () => ({
  SerialConsoleAccessEnabled: false,
});

const DescribeHosts: Action<DescribeHostsRequest, DescribeHostsResult> = (_tx, input) => {
  const [id] = input.HostIds ?? [];
  if (id !== undefined) throw new Fault("InvalidHostID.NotFound", `The specified host '${id}' does not exist`);
  checkFilters(input.Filter, ["auto-placement", "availability-zone", "client-token", "host-reservation-id", "instance-type", "state"]);
  return { Hosts: [...paged([], input).items] };
};

const DescribeSpotInstanceRequests: Action<DescribeSpotInstanceRequestsRequest, DescribeSpotInstanceRequestsResult> = (_tx, input) => {
  const [id] = input.SpotInstanceRequestIds ?? [];
  if (id !== undefined) {
    throw new Fault("InvalidSpotInstanceRequestID.NotFound", `The spot instance request ID '${id}' does not exist`);
  }
  checkFilters(input.Filters, SPOT_FILTERS);
  return { SpotInstanceRequests: [...paged([], input).items] };
};

const SPOT_FILTERS =
  "availability-zone-group create-time fault-code fault-message instance-id launch-group launched-availability-zone launched-availability-zone-id network-interface.addresses.primary network-interface.delete-on-termination network-interface.description network-interface.device-index network-interface.group-id network-interface.network-interface-id network-interface.private-ip-address network-interface.subnet-id product-description spot-instance-request-id spot-price state status-code status-message type valid-from valid-until launch.image-id launch.instance-type launch.key-name launch.kernel-id launch.ramdisk-id launch.monitoring-enabled launch.group-id launch.group-name launch.block-device-mapping.delete-on-termination launch.block-device-mapping.device-name launch.block-device-mapping.snapshot-id launch.block-device-mapping.volume-size launch.block-device-mapping.volume-type".split(
    " ",
  );

/** There are none to choose from; a filter that AWS does not know is refused all the same. @throws InvalidParameterValue. */
export function checkFilters(filters: readonly Filter[] | undefined, names: readonly string[]): void {
  filtered([], filters, Object.fromEntries(names.map((name) => [name, () => undefined])));
}

export const accountSettingActions = {
  GetEbsEncryptionByDefault,
  GetSerialConsoleAccessStatus,
  DescribeHosts,
  DescribeSpotInstanceRequests,
};
