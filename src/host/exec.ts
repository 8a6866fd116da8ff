import { INTERNET_IPV4, type Installation } from "./installation.ts";
import { CAPABILITY_BOUNDS } from "./sandbox.ts";

/**
 * The command line that runs a command in an instance, as its root, with the caller's terminal, input and output; its
 * exit status is the command's (127: no such command). `pid`: the instance's first process.
 */
export function execInInstance(pid: number, command: readonly string[], terminal = "dumb"): readonly string[] {
  return [
    ["nsenter", "--target", String(pid), "--user", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"],
    ["setpriv", "--bounding-set", CAPABILITY_BOUNDS, "--inh-caps", "-all", "--no-new-privs", "--"],
    ["env", "-i", `PATH=${PATH}`, "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "LANG=C.UTF-8", `TERM=${terminal}`],
    ["sh", "-c", 'ulimit -p 1024 2>/dev/null || ulimit -u 1024; ulimit -c 0; cd 2>/dev/null; exec "$@"', "sh", ...command],
  ].flat();
}

const PATH = "/run/genkan/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The command line that runs a command as a host of the simulated internet: with the machine's files, the internet's
 * network and names.
 */
export function execInInternet(installation: Installation, command: readonly string[]): readonly string[] {
  const script = 'printf "nameserver %s\\n" "$1" > "$2" && mount --no-mtab --bind "$2" /etc/resolv.conf; shift 2; exec "$@"';
  return [
    ["nsenter", `--net=${installation.namespaces.internet}`, "--"],
    ["unshare", "--mount", "--propagation", "private", "--"],
    ["sh", "-c", script, "sh", INTERNET_IPV4, `${installation.run}/resolv.conf`, ...command],
  ].flat();
}
