import { attributes, bpf, BPF, KernelError } from "../src/datapath/libbpf.ts";
import { inNamespace } from "../src/datapath/netns.ts";
import { inNetwork, run, succeeds } from "../src/host/command.ts";
import { instanceEnd, internetEnd, MAC, namespaces, pair, path, withIpv6 } from "./kernel-paths.ts";
import type { Addresses, Path } from "./path.ts";

/**
 * The least that any program on these links can cost: the packet is handed to the other link's peer as it is,
 * unread. What this path has over the cable is the links' and the kernel's share of Genkan's path; what
 * Genkan has over it is the work. Undefined where the kernel can't attach it (no TCX before 6.6).
 */
export async function redirectPath(folder: string, addresses: Addresses): Promise<Path | undefined> {
  const [instance, middle, internet] = await namespaces(folder, "r-instance", "r-middle", "r-internet");
  await pair(middle, { name: "inside", mac: MAC.inside }, instance, { name: "eth0", mac: MAC.instance });
  await instanceEnd(instance, addresses, MAC.inside);
  const { inside, outside } = await middleOf(middle, internet, addresses);
  const attached =
    attach(middle, inside, TCX_INGRESS, { helper: REDIRECT_PEER, to: outside }) &&
    attach(middle, outside, TCX_INGRESS, { helper: REDIRECT_PEER, to: inside });
  if (!attached) return undefined;
  return withIpv6(
    path("R", instance, internet, addresses, addresses.instance),
    addresses,
    MAC.internet,
    MAC.instance,
  );
}

/**
 * The same with netkit for the instance: its program runs while the instance sends, before any queue.
 * `bpf_redirect_peer` is only for what has arrived, so from there the packet is sent out of the other link,
 * whose queue it takes. Undefined where there is no netkit (Linux 6.7, iproute2 6.8).
 */
export async function netkitPath(folder: string, addresses: Addresses): Promise<Path | undefined> {
  const [instance, middle, internet] = await namespaces(folder, "k-instance", "k-middle", "k-internet");
  const line = `link add name inside address ${MAC.inside} type netkit mode l2 peer name eth0 address ${MAC.instance} netns`;
  if (
    !(await succeeds([
      ...inNetwork(instance),
      "sh",
      "-c",
      `nsenter --net="$1" -- ip ${line} $$`,
      "sh",
      middle,
    ]))
  )
    return undefined;
  // What its device sends goes out of another one as it is.
  await instanceEnd(instance, addresses, MAC.internet);
  const { inside, outside } = await middleOf(middle, internet, addresses);
  const attached =
    attach(middle, inside, NETKIT_PEER, { helper: REDIRECT, to: outside }) &&
    attach(middle, outside, TCX_INGRESS, { helper: REDIRECT_PEER, to: inside });
  if (!attached) return undefined;
  return withIpv6(
    path("K", instance, internet, addresses, addresses.instance),
    addresses,
    MAC.internet,
    MAC.instance,
  );
}

/** The rest of such a path, and the indexes of its two links in the middle. */
async function middleOf(
  middle: string,
  internet: string,
  addresses: Addresses,
): Promise<{ inside: number; outside: number }> {
  await pair(middle, { name: "outside", mac: MAC.outside }, internet, { name: "eth0", mac: MAC.internet });
  await run([
    ...inNetwork(middle),
    "sh",
    "-ec",
    "ip link set inside up; ip link set outside up; echo 0 > /proc/sys/net/ipv4/ip_forward",
  ]);
  await internetEnd(internet, addresses, MAC.outside);
  const links = JSON.parse(await run([...inNetwork(middle), "ip", "-j", "link", "show"])) as readonly {
    ifname: string;
    ifindex: number;
  }[];
  const indexOf = (name: string): number => links.find(({ ifname }) => ifname === name)?.ifindex ?? 0;
  return { inside: indexOf("inside"), outside: indexOf("outside") };
}

/** Numbers of linux/bpf.h. */
const PROG_LOAD = 5;
const SCHED_CLS = 3;
const TCX_INGRESS = 46;
const NETKIT_PEER = 55;
const REDIRECT = 23;
const REDIRECT_PEER = 155;

/** `return helper(to, 0);` The link stays for as long as this process. */
function attach(
  namespace: string,
  from: number,
  place: number,
  { helper, to }: { readonly helper: number; readonly to: number },
): boolean {
  const code = Buffer.concat([
    instruction(0xb7, 1, to),
    instruction(0xb7, 2, 0),
    instruction(0x85, 0, helper),
    instruction(0x95, 0, 0),
  ]);
  const license = Buffer.from("Apache-2.0\0");
  const program = bpf(
    PROG_LOAD,
    attributes([
      [0, 4, SCHED_CLS],
      [4, 4, code.length / 8],
      [8, 8, code],
      [16, 8, license],
    ]),
  );
  if (program < 0) throw new KernelError("load the program that only redirects", program);
  const link = attributes([
    [0, 4, program],
    [4, 4, from],
    [8, 4, place],
  ]);
  return inNamespace(namespace, () => bpf(BPF.linkCreate, link)) >= 0;
}

/** One instruction of a BPF program: operation, destination register, constant. */
function instruction(operation: number, register: number, constant: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(operation, 0);
  bytes.writeUInt8(register, 1);
  bytes.writeInt32LE(constant, 4);
  return bytes;
}
