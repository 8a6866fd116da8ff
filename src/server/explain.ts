import type { Instance } from "../model/instance.ts";
import { formatIpv6, parseIpv6 } from "../lib/cidr6.ts";
import { parseIpv4 } from "../lib/ip.ts";
import { type NetworkInterface, primaryPrivateIp } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { fullPlan } from "../plan/compile.ts";
import { memoryTables } from "../plan/memory-tables.ts";
import type { TableReader } from "../plan/tables.ts";
import { explain } from "../reach/explain.ts";
import type { Explanation, Question } from "../reach/explanation.ts";
import { namesOf } from "../reach/names.ts";
import { BadQuestion } from "./internal.ts";

type Asked = {
  readonly reader: Reader;
  readonly region: string;
  /** An instance, whose primary interface it is about; or an interface. */
  readonly subject: Instance | NetworkInterface;
  /** The kernel's own tables; absent where no packets move: then the plan's. */
  readonly tables: TableReader | undefined;
  readonly pools: readonly string[];
  readonly question: Readonly<Record<string, string>>;
};

export type InstanceExplanation = Explanation & { readonly instance: string; readonly interface: string; readonly to: string };

const INTERNET = "198.51.100.1";
const INTERNET_IPV6 = "2001:db8:ffff::1";

/** The way of an interface, or of an instance's primary one, to the internet and back, or to a host of the VPC or of a peered one. @throws BadQuestion for a host, port or protocol that is none. */
export function explainInstance(asked: Asked): InstanceExplanation {
  const { reader, subject } = asked;
  const eni = subject.kind === "instance" ? primaryOf(reader, subject) : subject;
  const question = questionOf(asked.question, primaryPrivateIp(eni) === undefined ? INTERNET_IPV6 : INTERNET);
  const explanation = explain(
    asked.tables ?? planTables({ readers: [reader], pools: asked.pools }),
    namesOf(reader, eni, asked.region),
    eni.slot,
    question,
  );
  return { instance: subject.id, interface: eni.id, to: question.to, ...explanation };
}

function primaryOf(reader: Reader, instance: Instance): NetworkInterface {
  const eni = reader.by("network-interface", "instanceId", instance.id).find((one) => one.attachment?.deviceIndex === 0);
  if (!eni) throw new BadQuestion(`${instance.id} is ${instance.state}: it has no network interface.`);
  return eni;
}

function questionOf({ to: asked, port, protocol }: Readonly<Record<string, string>>, usual: string): Question {
  const to = asked === undefined ? usual : addressIn(asked);
  if (to === undefined) throw new BadQuestion(`--to ${asked} is not an IP address.`);
  if (protocol !== undefined && protocol !== "tcp" && protocol !== "udp" && protocol !== "icmp")
    throw new BadQuestion("--protocol is tcp, udp or icmp.");
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) throw new BadQuestion(`--port ${port} is not a port.`);
  return { to, ...(protocol === undefined ? {} : { protocol }), ...(port === undefined ? {} : { port: Number(port) }) };
}

/** An address in its usual form; IPv6 may stand in brackets. */
export function addressIn(text: string): string | undefined {
  if (parseIpv4(text) !== undefined) return text;
  const number = parseIpv6(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  return number === undefined ? undefined : formatIpv6(number);
}

/** The tables as the plan has them, where no kernel has any. */
export function planTables({ readers, pools }: { readonly readers: readonly Reader[]; readonly pools: readonly string[] }): TableReader {
  const none = "00:00:00:00:00:00";
  const macs = { uplinkMac: none, uplinkPeerMac: none, servicesMac: none, servicesPeerMac: none };
  return memoryTables(fullPlan(readers, { pools, uplink: 0, services: 0, fragments: 0, ...macs, connectionLimit: 65_536 }));
}
