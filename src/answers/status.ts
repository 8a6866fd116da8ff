import type { RunningMachine } from "../agent/machine.ts";
import { holderOf } from "../model/holder.ts";
import { primaryPrivateIp } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { MachineStatus, RegionStatus, Status } from "../protocol/status.ts";
import type { Sources } from "./sources.ts";

export async function statusOf({
  installed,
  plane,
  machine,
  noPackets,
  etcd,
  machines,
}: Sources): Promise<Status> {
  const others = await machines?.();
  const realms = plane.realms();
  const places = realms.map((realm) => ({ reader: plane.reader(realm) }));
  return {
    version: installed.version,
    endpoint: installed.endpoint,
    packets: machine !== undefined,
    ...(noPackets === undefined ? {} : { noPackets }),
    ...(etcd ? { etcd: etcd() } : {}),
    ...(others ? { machines: others.map(machineStatus) } : {}),
    regions: realms.map((realm) => ({ ...realm, ...regionStatus(plane.reader(realm), machine) })),
    drops: (machine?.datapath.drops() ?? []).map(({ interface: slot, reason, packets, bytes }) => {
      const eni = holderOf(places, "network-interface", slot)?.resource;
      const name = eni?.attachment?.instanceId ?? eni?.id ?? (slot === 0 ? "internet" : `link ${slot}`);
      return { interface: name, reason, packets: Number(packets), bytes: Number(bytes) };
    }),
  };
}

/** Only what is for everybody who may ask. */
function machineStatus({
  number,
  name,
  address,
  zones,
  roles,
  version,
  ...more
}: MachineStatus): MachineStatus {
  const { live, leads, behind, obeyed, drained, standby, fence, packets, load, bfd } = more;
  const told = { number, name, address, zones, roles, version, live, leads, behind };
  return {
    ...told,
    ...(obeyed === undefined ? {} : { obeyed }),
    ...(drained ? { drained } : {}),
    ...(packets === undefined || load === undefined ? {} : { packets, load }),
    ...(standby ? { standby } : {}),
    ...(fence ? { fence } : {}),
    ...(bfd ? { bfd } : {}),
  };
}

function regionStatus(
  reader: Reader,
  machine: RunningMachine | undefined,
): Omit<RegionStatus, "account" | "region"> {
  return {
    vpcs: reader.list("vpc").map((vpc) => ({
      id: vpc.id,
      name: vpc.tags["Name"],
      cidr: vpc.cidrBlocks[0]?.cidrBlock ?? "",
      gateway: reader.by("internet-gateway", "vpcId", vpc.id)[0]?.id,
    })),
    instances: reader.list("instance").map((instance) => {
      const eni = reader
        .by("network-interface", "instanceId", instance.id)
        .find((one) => one.attachment?.deviceIndex === 0);
      const elastic = eni && reader.by("address", "networkInterfaceId", eni.id)[0]?.publicIp;
      return {
        id: instance.id,
        name: instance.tags["Name"],
        state: instance.state,
        privateIp: (eni && primaryPrivateIp(eni)) ?? "",
        publicIp: elastic ?? eni?.autoPublicIp,
        ipv6: eni?.ipv6Addresses ?? [],
        subnet: instance.subnetId,
        notDone: machine?.host.notDone(instance.id) ?? [],
      };
    }),
    addresses: reader.count("address"),
    flowLogs: reader.count("flow-log"),
  };
}
