import type { Writable } from "node:stream";
import { metrics } from "../agent/metrics.ts";
import type { Watchers } from "../agent/trace.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { Handlers } from "../protocol/handlers.ts";
import type { InstanceAnswer } from "../protocol/instance.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";
import { imageAnswers } from "./image-answers.ts";
import type { Sources } from "./sources.ts";
import { statusOf } from "./status.ts";
import { tablesOf } from "./tables.ts";
import { traceAnswers } from "./trace-answers.ts";

/** What `/_genkan/…` answers. */
export function makeAnswers(sources: Sources): Handlers<Writable> & {
  readonly watchers: Watchers | undefined;
  /** Of an instance that this machine runs. */
  readonly ownInstance: (id: string) => InstanceAnswer;
} {
  const { installed, plane, agent, machine, noPackets, recorder, monotonicNow, etcd } = sources;
  const datapath = machine?.datapath;
  const kernel = datapath && { packets: datapath.events, tables: datapath.reader, monotonicNow };
  const tracing = traceAnswers({
    plane,
    pools: installed.pools,
    kernel,
    noPackets,
    now: Date.now,
    log: sources.log,
  });
  const revisions = () => ({ newest: plane.revision, obeyed: agent.obeyed });
  const instance = (id: string): InstanceAnswer => {
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
    health: () => ({
      status: "ready",
      version: installed.version,
      packets: machine !== undefined,
      home: installed.id,
      revision: plane.revision,
      obeyed: agent.obeyed,
      ...(etcd ? { etcd: etcd() } : {}),
    }),
    status: () => statusOf(sources),
    tables: () => tablesOf(sources),
    metrics: async ({ question: { detail } }) => {
      if (detail !== undefined && detail !== "interfaces") throw new BadQuestion("detail is interfaces.");
      const measured = { version: installed.version, packets: datapath, ...tracing, revisions: revisions() };
      return metrics(measured, sources.gauges, detail !== undefined);
    },
    ownInstance: instance,
    instance: ({ id }) => sources.elsewhere?.(id) ?? instance(id),
    internet: () => {
      if (!machine) throw new NotFound(`There is no simulated internet: ${noPackets}`);
      return { netns: machine.host.installation.namespaces.internet };
    },
    ...tracing,
    flows: ({ question }) => {
      const { instance: id } = question;
      return recorder.followers.join(question, id === undefined ? undefined : idsOf(plane, id));
    },
    ...imageAnswers(plane, sources.own),
    token: () => {
      if (!sources.invite)
        throw new BadQuestion(
          "Genkan is one machine here. A region of machines begins with: sudo ./genkan up --machine-address IP",
        );
      return refusing(sources.invite());
    },
    drain: async ({ id, question: { undo } }) => {
      if (!sources.drain) throw new BadQuestion("Genkan is one machine here: there is nothing to drain.");
      return await refusing(sources.drain(id, undo === undefined));
    },
    leave: async ({ id, question: { self } }) => {
      if (!sources.leave) throw new BadQuestion("Genkan is one machine here: there is no region to leave.");
      return await refusing(sources.leave(id, self !== undefined));
    },
    recover: async ({ id, question: { off } }) => {
      if (!sources.recover)
        throw new BadQuestion("Genkan is one machine here: there is no other one for its instances.");
      return await refusing(sources.recover(id, off !== undefined));
    },
    reset: async () => {
      await plane.reset();
      await agent.lifecycle.settled();
      await recorder.forget();
      return { reset: true };
    },
  };
}

const REFUSALS = new Set(["NotDrainable", "NotLeaving", "NotRecoverable", "Refused"]);

/** What the region's machines refuse is the question's fault. */
async function refusing<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { name, message } = error as Error;
    throw REFUSALS.has(name) ? new BadQuestion(message) : error;
  }
}

/**
 * The id, and of an instance those of its interfaces: not every format names the instance. Records outlive an
 * interface. @throws NotFound for no instance.
 */
function idsOf(plane: ControlPlane, id: string): ReadonlySet<string> {
  const found = plane.findInstance(id);
  if (!found && !id.startsWith("eni-")) throw new NotFound(`There is no instance ${id}.`);
  const interfaces = found ? plane.reader(found.realm).by("network-interface", "instanceId", id) : [];
  return new Set([id, ...interfaces.map((eni) => eni.id)]);
}
