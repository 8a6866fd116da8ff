const UNSHARE = [
  "unshare",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--propagation",
  "private",
];
const INSIDE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

/**
 * The command that runs the given one in network, mount and process namespaces of its own, without a way out
 * and with an empty /run.
 */
export function isolatedCommand(command: readonly string[]): readonly string[] {
  return [...UNSHARE, "sh", "-c", INSIDE, "sh", ...command];
}
