import type { Context } from "../actions/kit/action.ts";
import { wholeNumber } from "../agent/trace-filter.ts";
import { memoryTables } from "../contract/memory-tables.ts";
import type { TableReader } from "../contract/tables.ts";
import { isIpv6Text } from "../lib/address.ts";
import { isNat64 } from "../lib/nat64.ts";
import { isManaged } from "../model/network-interface.ts";
import type { Realm } from "../model/realm.ts";
import type { RealmReader } from "../model/state.ts";
import type { Reader } from "../model/state.ts";
import type { Transaction } from "../model/world.ts";
import { fullPlan } from "../plan/compile.ts";
import type { Explanation, Family, Protocol } from "../protocol/explain.ts";
import { BadQuestion } from "../protocol/question.ts";
import { explainExchange } from "../reach/explain/explain.ts";
import type { End, ExchangeQuestion } from "../reach/explain/question.ts";
import type { Remedy } from "../reach/explain/remedy.ts";
import { regionOf, type Scratch } from "../reach/explain/scratch.ts";
import type { Ids } from "../reach/ids.ts";
import { type Ends, endsOf, familiesOf, INTERNET, INTERNET_IPV6, interfaceEnd } from "./explain-ends.ts";
import { exchangeText } from "./explain-text.ts";
import { addressIn, protocolOf } from "./question-text.ts";
import { openScratch } from "./scratch.ts";
import { type Subject, subjectOf } from "./subject.ts";

export type Asked = {
  readonly places: readonly RealmReader[];
  /** A transaction on a realm that nobody commits. */
  readonly draft: (realm: Realm) => { readonly begin: () => Transaction; readonly context: Context };
  /** The kernel's own tables, or where no packets move the plan's. */
  readonly tables: TableReader;
  readonly ids: Ids;
  readonly pools: readonly string[];
  /**
   * The ids, the name or the address of an instance, an interface or a NAT gateway; `internet`, or the
   * address of a host there.
   */
  readonly subject: string;
  /** `to`, `port`, `protocol`, `direction`. */
  readonly question: Readonly<Record<string, string>>;
};

type Direction = "out" | "in";

/** Why two ends can, or can't, exchange packets, each way that was asked about. @throws BadQuestion */
export function explainQuestion(asked: Asked): Explanation {
  const { question } = asked;
  const { place, ends, name, to } = meant(asked);
  if (ends.own !== undefined) return { subject: name, to: ends.own, local: true, exchanges: [], ok: false };
  const { begin, context } = asked.draft(place.realm);
  const account = asked.places
    .filter(({ realm }) => realm.account === place.realm.account)
    .map(({ realm }) => realm.region);
  const regions = [place.realm.region, ...account.filter((region) => region !== place.realm.region)];
  const scratch = openScratch({ begin, context, regions, tables: asked.tables, pools: asked.pools });
  if (!scratch) throw new Error("assertion failed: nothing is refused where nothing is asked");
  const said: Remedy[] = [];
  const exchanges = questionsOf(scratch, ends, question).map(({ direction, exchange }) => {
    const explained = explainExchange(scratch, exchange, said);
    said.push(...explained.remedies);
    const isDefault = question["port"] === undefined && question["protocol"] === undefined;
    return exchangeText(explained, {
      scratch,
      direction,
      ids: asked.ids,
      region: place.realm.region,
      isDefault,
    });
  });
  return { subject: name, to, exchanges, ok: exchanges.every(({ verdict }) => verdict !== "blocked") };
}

type Meant = { readonly place: RealmReader; readonly ends: Ends; readonly name: string; readonly to: string };

/** A host on the internet as the subject is the same question the other way round. */
function meant({ places, tables, pools, subject: text, question }: Asked): Meant {
  const { to } = question;
  const around = { places, tables, pools };
  const subject = subjectOf(places, text);
  if (subject) {
    const { eni, place } = subject;
    const ends = endsOf(subject, to, around);
    return {
      place,
      ends,
      name: eni.attachment?.instanceId ?? eni.natGatewayId ?? eni.id,
      to: to ?? toText(ends),
    };
  }
  const host = text === "internet" ? text : addressIn(text);
  if (host === undefined)
    throw new BadQuestion(`There is no instance, network interface or NAT gateway ${text}.`);
  if (to === undefined) throw new BadQuestion(`From ${text}, say to whom: --to INSTANCE|ADDRESS.`);
  const other = subjectOf(places, addressIn(to) ?? to);
  if (!other)
    throw new BadQuestion(
      `--to ${to} is no instance, network interface or NAT gateway, nor an address of one.`,
    );
  return { place: other.place, ends: fromHost(host, other), name: text, to };
}

function fromHost(host: string, other: Subject): Ends {
  const isAnyone = host === "internet";
  const address = (family: Family): string =>
    isAnyone ? (family === "ipv4" ? INTERNET : INTERNET_IPV6) : host;
  const families = isAnyone ? familiesOf(other) : ([isIpv6Text(host) ? "ipv6" : "ipv4"] as const);
  const internet = (family: Family): End => ({
    kind: "internet",
    address: address(family),
    anyone: isAnyone,
  });
  return { subject: internet, other: () => interfaceEnd(other), families };
}

function toText({ families, other }: Ends): string {
  const text = (end: End): string => (end.kind === "interface" ? end.id : end.address);
  return families.map((family) => text(other(family))).join(", ");
}

type Exchange = { readonly direction: Direction; readonly exchange: ExchangeQuestion };

function questionsOf(scratch: Scratch, ends: Ends, question: Asked["question"]): readonly Exchange[] {
  const directions = directionsOf(question["direction"]);
  const protocolAsked = protocolOf(question["protocol"]);
  const portAsked =
    question["port"] === undefined ? undefined : wholeNumber("--port", question["port"], 65_535);
  const all = ends.families.flatMap((family) =>
    directions.flatMap((direction): readonly Exchange[] => {
      const [subject, other] = [ends.subject(family), ends.other(family)];
      const [client, server] = direction === "out" ? [subject, other] : [other, subject];
      if (!begins(scratch, client)) return [];
      const usual = usualOf(server);
      const protocol = protocolAsked ?? usual.protocol;
      return [
        {
          direction,
          exchange: {
            client,
            server,
            family,
            protocol,
            port: portAsked ?? (protocol === usual.protocol ? usual.port : 80),
          },
        },
      ];
    }),
  );
  if (all.length === 0) throw new BadQuestion("That end begins no exchange: ask for the other --direction.");
  return all;
}

function directionsOf(text = "both"): readonly Direction[] {
  if (text === "both") return ["out", "in"];
  if (text !== "out" && text !== "in") throw new BadQuestion("--direction is out, in or both.");
  return [text];
}

/** Services and endpoints only answer, as does what NAT64 stands for; and a NAT gateway sends for others. */
function begins(scratch: Scratch, end: End): boolean {
  if (end.kind === "interface") {
    const eni = regionOf(scratch, end.id)?.reader.get("network-interface", end.id);
    return !eni || !isManaged(eni);
  }
  return end.kind === "internet" && !isNat64(end.address);
}

/** What is asked about unless something is said: HTTP, and of a service what it speaks. */
function usualOf(server: End): { readonly protocol: Protocol; readonly port: number } {
  if (server.kind !== "service" || METADATA.has(server.address)) return { protocol: "tcp", port: 80 };
  return NTP.has(server.address) ? { protocol: "udp", port: 123 } : { protocol: "udp", port: 53 };
}

const METADATA = new Set(["169.254.169.254", "fd00:ec2::254"]);
const NTP = new Set(["169.254.169.123", "fd00:ec2::123"]);

/** The tables as the plan has them, where no kernel has any. */
export function planTables({
  readers,
  pools,
}: {
  readonly readers: readonly Reader[];
  readonly pools: readonly string[];
}): TableReader {
  const none = "00:00:00:00:00:00";
  const macs = { uplinkMac: none, uplinkPeerMac: none, servicesMac: none, servicesPeerMac: none };
  return memoryTables(fullPlan(readers, { pools, uplink: 0, services: 0, fragments: 0, ...macs }));
}
