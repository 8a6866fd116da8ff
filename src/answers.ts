import { monotonicNow } from "./datapath/clock.ts";
import { primaryPrivateIp } from "./model/network-interface.ts";
import type { Reader } from "./model/state.ts";
import type { Home } from "./cli/home.ts";
import type { RegionStatus, Status } from "./cli/status.ts";
import type { Realm } from "./server/committer.ts";
import { imageAnswers } from "./server/image-answers.ts";
import type { ControlPlane } from "./server/control-plane.ts";
import type { FlowRecorder } from "./server/flow-log.ts";
import { type Internal, NotFound } from "./server/internal.ts";
import { type Gauges, metrics } from "./server/metrics.ts";
import { traceAnswers } from "./server/trace-answers.ts";
import type { Watchers } from "./server/trace.ts";
import type { Settings } from "./server/settings.ts";
import type { RunningMachine } from "./machine.ts";
import { VERSION } from "./cli/version.ts";

type Sources = {
  readonly plane: ControlPlane;
  readonly settings: Settings;
  readonly machine: RunningMachine | undefined;
  readonly recorder: FlowRecorder;
  readonly noPackets: string | undefined;
  readonly home: Home;
  /** Where what names no region is meant. */
  readonly own: Realm;
  readonly gauges: Gauges;
  readonly log: (message: string, cause: unknown) => void;
};

/** What `/_genkan/…` answers. */
export function makeAnswers(sources: Sources): Internal & { readonly watchers: Watchers | undefined } {
  const { plane, machine, noPackets, home, recorder } = sources;
  const datapath = machine?.datapath;
  const kernel = datapath && { packets: datapath.events, tables: datapath.reader, monotonicNow };
  const tracing = traceAnswers({ plane, pools: sources.settings.pools, kernel, noPackets, now: Date.now, log: sources.log });
  const instance = (id: string): object => {
    const found = plane.findInstance(id);
    if (!found) throw new NotFound(`There is no instance ${id}.`);
    const pid = machine?.host.pidOf(id);
    return {
      id,
      state: found.instance.state,
      region: found.realm.region,
      ...(pid === undefined ? {} : { pid, netns: `/proc/${pid}/ns/net` }),
    };
  };
  return {
    health: () => ({ status: "ready", version: VERSION, packets: machine !== undefined, home: home.id }),
    status: () => status(sources),
    metrics: (detail) => metrics({ version: VERSION, packets: datapath, ...tracing }, sources.gauges, detail),
    instance,
    internet: () => {
      if (!machine) throw new NotFound(`There is no simulated internet: ${noPackets}`);
      return { netns: machine.host.installation.namespaces.internet };
    },
    ...tracing,
    flows: (question) => {
      const { instance: id } = question;
      return recorder.followers.join(question, id === undefined ? undefined : idsOf(plane, id));
    },
    ...imageAnswers(plane, sources.own),
    reset: async () => {
      await plane.reset();
      await recorder.forget();
      return { reset: true };
    },
  };
}

/** The id, and of an instance those of its interfaces: not every format names the instance. Records outlive an interface. @throws NotFound for no instance. */
function idsOf(plane: ControlPlane, id: string): ReadonlySet<string> {
  const found = plane.findInstance(id);
  if (!found && !id.startsWith("eni-")) throw new NotFound(`There is no instance ${id}.`);
  const interfaces = found ? plane.reader(found.realm).by("network-interface", "instanceId", id) : [];
  return new Set([id, ...interfaces.map((eni) => eni.id)]);
}

function status({ plane, settings, machine, noPackets }: Sources): Status {
  const realms = plane.realms();
  const names = new Map(
    realms.flatMap((realm) =>
      plane
        .reader(realm)
        .list("network-interface")
        .map((eni) => [eni.slot, eni] as const),
    ),
  );
  return {
    version: VERSION,
    endpoint: `http://${settings.host}:${settings.port}`,
    packets: machine !== undefined,
    ...(noPackets === undefined ? {} : { noPackets }),
    regions: realms.map((realm) => ({ ...realm, ...regionStatus(plane.reader(realm), machine) })),
    drops: (machine?.datapath.drops() ?? []).map(({ interface: slot, reason, packets, bytes }) => {
      const eni = names.get(slot);
      const name = eni?.attachment?.instanceId ?? eni?.id ?? (slot === 0 ? "internet" : `link ${slot}`);
      return { interface: name, reason, packets: Number(packets), bytes: Number(bytes) };
    }),
  };
}

function regionStatus(reader: Reader, machine: RunningMachine | undefined): Omit<RegionStatus, "account" | "region"> {
  return {
    vpcs: reader.list("vpc").map((vpc) => ({
      id: vpc.id,
      name: vpc.tags["Name"],
      cidr: vpc.cidrBlocks[0]?.cidrBlock ?? "",
      gateway: reader.by("internet-gateway", "vpcId", vpc.id)[0]?.id,
    })),
    instances: reader.list("instance").map((instance) => {
      const eni = reader.by("network-interface", "instanceId", instance.id).find((one) => one.attachment?.deviceIndex === 0);
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
