/** `genkan up` and `genkan join`, in this process. */

import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { type Arguments, text, texts, withoutOptions } from "./cli/arguments.ts";
import { isKernelNewEnough } from "./cli/doctor.ts";
import { invitationLines } from "./cli/invitation.ts";
import { hideWords, secretOf } from "./cli/secret.ts";
import { keepOptions, openHome, type OwnRegion, readOwnRegion } from "./home/home.ts";
import { approach, enter, requireMachine } from "./join-region.ts";
import { CommandError } from "./lib/command-error.ts";
import { requireKind } from "./start/kind.ts";
import { regionSettingsOf, unlessNone } from "./start/region-options.ts";
import {
  accountOf,
  etcdOf,
  gatewayCapacityOf,
  issuersOf,
  joinOf,
  machineOf,
  machinesOf,
  othersOf,
  portOf,
  type RegionOptions,
  regionOf,
  type Settings,
  upstreamOf,
} from "./start/settings.ts";
import { upBox, type UpBoxOptions } from "./up-box.ts";
import { up } from "./up.ts";

type Print = (line: string) => void;

export async function upHere(told: Arguments, print: Print): Promise<number> {
  const known = readOwnRegion(openHome(process.env, false));
  const args = withKept(told, known);
  const door = joinOf(args.verb === "join", args.positionals[0], secretOf(text(args.options["token"])));
  if (door) hideWords(`genkan join ${door.address}:${door.port}`);
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
  requireForMachine(settings, machine);
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
  keepOptions(home, keptOf(args));
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

/** A machine's own options, which its home keeps. */
const KEPT = ["port", "bgp", "bgp-as", "bgp-next-hop", "gateway-capacity"] as const;

function withKept(args: Arguments, known: OwnRegion | undefined): Arguments {
  if (!known?.options) return args;
  const { port: kept, ...others } = known.options;
  const port = process.env["GENKAN_PORT"] ?? kept;
  return { ...args, options: { ...others, ...(port === undefined ? {} : { port }), ...args.options } };
}

function keptOf({ options }: Arguments): NonNullable<OwnRegion["options"]> {
  const dropped = takesBack(options["bgp"]) ? ["bgp", "bgp-as", "bgp-next-hop"] : [];
  const given = KEPT.filter((name) => !dropped.includes(name)).flatMap((name) => {
    const words = options[name];
    return words === undefined || typeof words === "boolean" ? [] : [[name, words] as const];
  });
  return Object.fromEntries(given);
}

/** @throws CommandError for what only a machine among others can do */
function requireForMachine(
  { upstream, gatewayCapacity }: Given["settings"],
  machine: object | undefined,
): void {
  if (machine || (!upstream && gatewayCapacity === undefined)) return;
  const option = upstream ? "--bgp" : "--gateway-capacity";
  throw new CommandError(`${option} is for a machine of a region: add --machine-address.`);
}

type Given = {
  readonly settings: Omit<Settings, "machine">;
  readonly account: string | undefined;
  readonly region: string | undefined;
};

/** @throws SettingError, CommandError */
function settingsOf(args: Arguments): Given {
  const read = (path: string): string => readFileSync(path, "utf8");
  const given = regionOptionsOf(args, read);
  const ofRegion = regionSettingsOf(given);
  const [account, region] = [
    accountOf(text(args.options["account"])),
    regionOf(text(args.options["region"]), ofRegion.ownRegions),
  ];
  const auth = text(args.options["auth"]) ?? "signature";
  if (auth !== "signature" && auth !== "none") throw new CommandError("--auth is signature or none.");
  const port = portOf(text(args.options["port"]) ?? process.env["GENKAN_PORT"]);
  const others = othersOf(text(args.options["others"]), {
    port,
    remote: args.options["others-remote"] === true,
  });
  const etcd = etcdOf(text(args.options["etcd"]), etcdFiles(args), read);
  const upstream = upstreamOf(unlessNone(texts(args.options["bgp"])), givenUpstream(args));
  const gatewayCapacity = gatewayCapacityOf(text(args.options["gateway-capacity"]));
  const settings = {
    host: "127.0.0.1",
    port,
    ...(upstream ? { upstream } : {}),
    ...(gatewayCapacity === undefined ? {} : { gatewayCapacity }),
    ...(etcd ? { etcd } : {}),
    ...(others ? { others } : {}),
    auth,
    ...ofRegion,
    given,
  } as const;
  return { settings, account, region };
}

function regionOptionsOf({ options }: Arguments, read: (path: string) => string): RegionOptions {
  const given = (name: string): readonly string[] | undefined =>
    options[name] === undefined ? undefined : unlessNone(texts(options[name]));
  const oidc = given("oidc");
  const told = (["pool", "byoip", "quota", "own-region"] as const).flatMap((name) => {
    const words = given(name);
    return words === undefined ? [] : [[name, words] as const];
  });
  return { ...Object.fromEntries(told), ...(oidc ? { oidc: issuersOf(oidc, read) } : {}) };
}

function etcdFiles({ options }: Arguments): Parameters<typeof etcdOf>[1] {
  return Object.fromEntries(
    (["ca", "cert", "key"] as const).flatMap((name) => {
      const path = text(options[`etcd-${name}`]);
      return path === undefined ? [] : [[name, path]];
    }),
  );
}

const takesBack = (option: Arguments["options"][string]): boolean => texts(option).join() === "none";

function givenUpstream({ options }: Arguments) {
  if (takesBack(options["bgp"])) return { as: undefined, nextHop: undefined };
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
