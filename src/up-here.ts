/** `genkan up` and `genkan join`, in this process. */

import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { type Arguments, text, texts, withoutOptions } from "./cli/arguments.ts";
import { isKernelNewEnough } from "./cli/doctor.ts";
import { invitationLines } from "./cli/invitation.ts";
import { openHome, readOwnRegion } from "./home/home.ts";
import { approach, enter, requireMachine } from "./join-region.ts";
import { CommandError } from "./lib/command-error.ts";
import { requireKind } from "./start/kind.ts";
import {
  accountOf,
  byoipOf,
  etcdOf,
  gatewayCapacityOf,
  issuersOf,
  joinOf,
  machineOf,
  machinesOf,
  othersOf,
  ownRegionsOf,
  poolsOf,
  portOf,
  quotasOf,
  regionOf,
  type Settings,
  upstreamOf,
} from "./start/settings.ts";
import { upBox, type UpBoxOptions } from "./up-box.ts";
import { up } from "./up.ts";

type Print = (line: string) => void;

export async function upHere(args: Arguments, print: Print): Promise<number> {
  const known = readOwnRegion(openHome(process.env, false));
  const door = joinOf(args.verb === "join", args.positionals[0], text(args.options["token"]));
  const given = settingsOf(args);
  const { settings, account, region } = given;
  const home = openHome(process.env, true);
  const asked = text(args.options["machines"]);
  requireKind(home, asked === undefined ? undefined : args.options);
  if (asked !== undefined)
    return upBoxHere({ home, settings, account, region, machines: machinesOf(asked) }, print);
  const noPackets = args.options["no-packets"] ? "it was started with --no-packets." : obstacle();
  if (noPackets !== undefined)
    print(`No packets will move: ${noPackets} The EC2 API and the analyzer still work.`);
  const started = performance.now();
  const approached = door && (await approach(home, door));
  const machine = machineOf(givenMachine(args), {
    host: settings.host,
    hostname: hostname(),
    known: approached ? { address: approached.from } : known?.machine,
  });
  if (machine) await requireMachine({ home, machine, packets: noPackets === undefined, etcd: settings.etcd });
  if (approached && machine) await enter(home, approached, machine);
  const { stop, invite } = await interruptible(
    () =>
      up({
        home,
        settings: { ...settings, ...(machine ? { machine } : {}) },
        account,
        region,
        hostLink: !args.options["no-host-link"],
        noPackets,
        print,
      }),
    print,
  );
  // Once, when the region begins; afterwards `genkan token` does.
  if (invite && !known && !door) for (const line of invitationLines(await invite())) print(line);
  const checked = noPackets === undefined && !machine ? "; a real packet passed the gateway" : "";
  print(`Genkan is ready: http://${settings.host}:${settings.port} (${secondsSince(started)} s${checked})`);
  if (settings.others)
    print(`What is no request for EC2, STS or images' parameters is handed on to ${settings.others.origin}.`);
  print('In another shell: eval "$(./genkan env)"');
  await ending();
  await stop();
  print(
    noPackets === undefined
      ? "\nThe control plane has stopped; instances run on and packets still flow. ./genkan up resumes, ./genkan down removes everything."
      : "\nStopped.",
  );
  return 0;
}

type Given = {
  readonly settings: Omit<Settings, "machine">;
  readonly account: string | undefined;
  readonly region: string | undefined;
};

/** @throws SettingError, CommandError */
function settingsOf(args: Arguments): Given {
  const ownRegions = ownRegionsOf(texts(args.options["own-region"]));
  const [account, region] = [
    accountOf(text(args.options["account"])),
    regionOf(text(args.options["region"]), ownRegions),
  ];
  const auth = text(args.options["auth"]) ?? "signature";
  if (auth !== "signature" && auth !== "none") throw new CommandError("--auth is signature or none.");
  const byoip = byoipOf(texts(args.options["byoip"]));
  const port = portOf(text(args.options["port"]) ?? process.env["GENKAN_PORT"]);
  const others = othersOf(text(args.options["others"]), {
    port,
    remote: args.options["others-remote"] === true,
  });
  const read = (path: string): string => readFileSync(path, "utf8");
  const etcd = etcdOf(text(args.options["etcd"]), etcdFiles(args), read);
  const upstream = upstreamOf(texts(args.options["bgp"]), givenUpstream(args));
  const gatewayCapacity = gatewayCapacityOf(text(args.options["gateway-capacity"]));
  const settings = {
    host: "127.0.0.1",
    port,
    ...(upstream ? { upstream } : {}),
    ...(gatewayCapacity === undefined ? {} : { gatewayCapacity }),
    ...(etcd ? { etcd } : {}),
    ...(others ? { others } : {}),
    auth,
    pools: poolsOf(texts(args.options["pool"]), byoip),
    byoip,
    ownRegions,
    issuers: issuersOf(texts(args.options["oidc"]), read),
    quotas: quotasOf(texts(args.options["quota"])),
  } as const;
  return { settings, account, region };
}

function etcdFiles({ options }: Arguments): Parameters<typeof etcdOf>[1] {
  return Object.fromEntries(
    (["ca", "cert", "key"] as const).flatMap((name) => {
      const path = text(options[`etcd-${name}`]);
      return path === undefined ? [] : [[name, path]];
    }),
  );
}

function givenUpstream({ options }: Arguments) {
  return { as: text(options["bgp-as"]), nextHop: text(options["bgp-next-hop"]) };
}

function givenMachine({ options }: Arguments) {
  return {
    address: text(options["machine-address"]),
    name: text(options["machine-name"]),
    zones: texts(options["machine-zone"]),
    roles: text(options["machine-roles"]),
  };
}

/** A region of several machines, all on this one. */
async function upBoxHere(box: Omit<UpBoxOptions, "options" | "print">, print: Print): Promise<number> {
  const problem = obstacle();
  if (problem !== undefined) throw new CommandError(`--machines needs real packets: ${problem}`);
  const started = performance.now();
  const options = withoutOptions(process.argv.slice(3), ["--machines", "--port", "--detach", "-d"]);
  const { stop } = await interruptible(() => upBox({ ...box, options, print }), print);
  const { host, port } = box.settings;
  print(
    `Genkan is ready: http://${host}:${port} (${secondsSince(started)} s; a region of ${box.machines} machines)`,
  );
  print('In another shell: eval "$(./genkan env)"');
  await ending();
  await stop();
  print(
    "\nThe machines' control planes have stopped; instances run on and packets still flow. ./genkan up --machines resumes, ./genkan down removes everything.",
  );
  return 0;
}

/** Says what to do when a signal ends it before it is through. */
async function interruptible<T>(body: () => Promise<T>, print: Print): Promise<T> {
  const interrupted = (): never => {
    print(
      "genkan: stopped while it was starting. ./genkan up begins again, ./genkan down removes what was made.",
    );
    process.exit(1);
  };
  for (const signal of ENDINGS) process.on(signal, interrupted);
  try {
    return await body();
  } finally {
    for (const signal of ENDINGS) process.off(signal, interrupted);
  }
}

const ENDINGS = ["SIGTERM", "SIGINT"] as const;

/** Settles when this process is asked to end. */
function ending(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ENDINGS) process.once(signal, () => resolve());
  });
}

const secondsSince = (started: number): string => ((performance.now() - started) / 1000).toFixed(1);

/** Why no packets can move on this machine; undefined when they can. */
function obstacle(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, and the data plane needs Linux.`;
  if (process.getuid?.() !== 0) return "this is not root. Run: sudo ./genkan up.";
  if (!isKernelNewEnough(release()))
    return `the data plane needs Linux 6.1 or later, and this is ${release()}.`;
  return undefined;
}
