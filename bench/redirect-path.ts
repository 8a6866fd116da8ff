import { inNetwork, run } from "../src/host/command.ts";
import { attributes, bpf, BPF, KernelError } from "../src/datapath/libbpf.ts";
import { inNamespace } from "../src/datapath/netns.ts";
import { instanceEnd, internetEnd, MAC, namespaces, pair, path, withIpv6 } from "./kernel-paths.ts";
import type { Addresses, Path } from "./path.ts";

/**
 * The least that any program on these links can cost: the packet is handed to the other link's peer as it is, unread. What this
 * path has over the cable is the links' and the kernel's share of Genkan's path; what Genkan has over it is the work.
 * Undefined where the kernel can't attach it (no TCX before 6.6).
 */
export async function redirectPath(folder: string, addresses: Addresses): Promise<Path | undefined> {
  const [instance, middle, internet] = await namespaces(folder, "r-instance", "r-middle", "r-internet");
  await pair(middle, { name: "inside", mac: MAC.inside }, instance, { name: "eth0", mac: MAC.instance });
  await pair(middle, { name: "outside", mac: MAC.outside }, internet, { name: "eth0", mac: MAC.internet });
  await run([...inNetwork(middle), "sh", "-ec", "ip link set inside up; ip link set outside up; echo 0 > /proc/sys/net/ipv4/ip_forward"]);
  await instanceEnd(instance, addresses, MAC.inside);
  await internetEnd(internet, addresses, MAC.outside);
  const text = await run([...inNetwork(middle), "ip", "-j", "link", "show", "type", "veth"]);
  const links = JSON.parse(text) as readonly { readonly ifname: string; readonly ifindex: number }[];
  const indexOf = (name: string): number => links.find(({ ifname }) => ifname === name)?.ifindex ?? 0;
  const [inside, outside] = [indexOf("inside"), indexOf("outside")];
  const attached = attach(middle, inside, outside) && attach(middle, outside, inside);
  if (!attached) return undefined;
  return withIpv6(path("R", instance, internet, addresses, addresses.instance), addresses, MAC.internet, MAC.instance);
}

/** Numbers of linux/bpf.h. */
const PROG_LOAD = 5;
const SCHED_CLS = 3;
const TCX_INGRESS = 46;
const REDIRECT_PEER = 155;

/** `return bpf_redirect_peer(to, 0);` The link stays for as long as this process. */
function attach(namespace: string, from: number, to: number): boolean {
  const code = Buffer.concat([
    instruction(0xb7, 1, to),
    instruction(0xb7, 2, 0),
    instruction(0x85, 0, REDIRECT_PEER),
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
    [8, 4, TCX_INGRESS],
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
