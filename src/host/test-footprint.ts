import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { run } from "./command.ts";

/**
 * What this machine has of everything that an installation adds to; equal before and after means that nothing
 * was left.
 */
export type Footprint = Readonly<Record<(typeof KINDS)[number], readonly string[]>>;

const KINDS = [
  "links",
  "addresses",
  "routes",
  "rules",
  "neighbours",
  "nftables",
  "sysctls",
  "mounts",
  "namespaces",
  "processes",
  "run",
] as const;

/**
 * Reads the network namespace and mount namespace of this process, and the processes of the whole machine
 * that `concerns` picks by their command line.
 */
export async function footprint(concerns: (commandLine: string) => boolean): Promise<Footprint> {
  const lines = async (...argv: string[]): Promise<readonly string[]> =>
    (await run(argv))
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .toSorted();
  const processes = readProcesses().filter(({ commandLine }) => concerns(commandLine));
  return {
    // Without counters and timers, which go on by themselves.
    links: await lines("ip", "-o", "-br", "link", "show"),
    addresses: await lines("ip", "-o", "-br", "addr", "show"),
    routes: [
      ...(await lines("ip", "-4", "route", "show", "table", "all")),
      ...(await lines("ip", "-6", "route", "show", "table", "all")),
    ],
    rules: [...(await lines("ip", "-4", "rule", "show")), ...(await lines("ip", "-6", "rule", "show"))],
    neighbours: await lines("ip", "neigh", "show", "nud", "permanent"),
    nftables: await lines("nft", "list", "ruleset"),
    sysctls: settings("/proc/sys/net"),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ").slice(3, 5).join(" "))
      .filter(Boolean)
      .toSorted(),
    namespaces: [...new Set(processes.flatMap(({ namespaces }) => namespaces))].toSorted(),
    processes: processes.map(({ commandLine }) => commandLine).toSorted(),
    run: readdirSync("/run").toSorted(),
  };
}

/** Every setting below the folder with its value; without those that count what happens. */
function settings(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return settings(path);
    if (/nf_conntrack_count$|dev_snmp6|drop_entry$|flush$/.test(path)) return [];
    try {
      return [`${path} = ${readFileSync(path, "utf8").trim()}`];
    } catch {
      return []; // Some can only be written.
    }
  });
}

type Process = { readonly commandLine: string; readonly namespaces: readonly string[] };

function readProcesses(): readonly Process[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return [
        {
          commandLine,
          namespaces: ["net", "mnt", "user", "pid"].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)),
        },
      ];
    } catch {
      // It ended meanwhile, or is a kernel thread's.
      return [];
    }
  });
}
