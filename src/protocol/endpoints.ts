import type { DrainAnswer } from "./drain.ts";
import type { Explanation } from "./explain.ts";
import type { FlowMessage } from "./flows.ts";
import type { Health } from "./health.ts";
import type { ImageAnswer, ImagesAnswer } from "./image.ts";
import type { InstanceAnswer, InternetAnswer } from "./instance.ts";
import type { Invitation } from "./invitation.ts";
import type { LeaveAnswer } from "./leave.ts";
import type { RecoverAnswer } from "./recover.ts";
import type { Status } from "./status.ts";
import type { TablesAnswer } from "./tables.ts";
import type { PacketTrace, TraceMessage } from "./trace.ts";

/** One JSON object. The member that no value has carries the type. */
type Answers<Answer> = { readonly form: "answer"; readonly type?: Answer };
/** Lines of JSON, for as long as both ends want. */
type Streams<Line> = { readonly form: "stream"; readonly type?: Line };
/** Prometheus' text. */
type Writes = { readonly form: "text" };

type Endpoint = {
  readonly method: "GET" | "POST";
  /** What stands behind `/_genkan/`. */
  readonly path: string;
  /** Whether the path goes on with the name of what is asked about. */
  readonly named: boolean;
  /** Whether it is answered without the token of the home's credentials. */
  readonly open: (question: URLSearchParams) => boolean;
  /** The names of what may be asked in the query. */
  readonly question: readonly string[];
  readonly says: Answers<object> | Streams<object> | Writes;
};

const answer = <Answer extends object>(): Answers<Answer> => ({ form: "answer" });
const stream = <Line extends object>(): Streams<Line> => ({ form: "stream" });
const everybody = (): boolean => true;
const nobody = (): boolean => false;

const IMAGE = ["name", "id", "owner", "arch", "region"] as const;

/**
 * All that is asked and answered under `/_genkan/`. Health and metrics are open to what can reach the port:
 * monitors ask without a secret, and neither names a resource. Web pages in a browser are kept out by the
 * guard all the same. Metrics that name interfaces, and the rest, ask for the token of the home's
 * credentials.
 */
export const ENDPOINTS = {
  health: {
    method: "GET",
    path: "health",
    named: false,
    open: everybody,
    question: [],
    says: answer<Health>(),
  },
  /** `detail`: `interfaces`, with what concerns single ones. */
  metrics: {
    method: "GET",
    path: "metrics",
    named: false,
    open: (question: URLSearchParams) => !question.has("detail"),
    question: ["detail"],
    says: { form: "text" },
  },
  status: { method: "GET", path: "status", named: false, open: nobody, question: [], says: answer<Status>() },
  tables: {
    method: "GET",
    path: "tables",
    named: false,
    open: nobody,
    question: [],
    says: answer<TablesAnswer>(),
  },
  instance: {
    method: "GET",
    path: "instances",
    named: true,
    open: nobody,
    question: [],
    says: answer<InstanceAnswer>(),
  },
  internet: {
    method: "GET",
    path: "internet",
    named: false,
    open: nobody,
    question: [],
    says: answer<InternetAnswer>(),
  },
  /** About an instance, an interface, a NAT gateway or an address of one; or a host of the internet. */
  explain: {
    method: "GET",
    path: "explain",
    named: true,
    open: nobody,
    question: ["to", "port", "protocol", "direction"],
    says: answer<Explanation>(),
  },
  /** What happens to packets. */
  trace: {
    method: "GET",
    path: "trace",
    named: false,
    open: nobody,
    question: ["instance", "address", "port", "verdict", "reason", "count", "frames"],
    says: stream<TraceMessage>(),
  },
  /** One packet walked through the tables: from an instance, or with `internet` from there. */
  tracePacket: {
    method: "GET",
    path: "trace",
    named: true,
    open: nobody,
    question: ["to", "from", "protocol"],
    says: answer<PacketTrace>(),
  },
  /** Records of flow logs: those that were written, or with `follow` those that come. */
  flows: {
    method: "GET",
    path: "flows",
    named: false,
    open: nobody,
    question: ["instance", "log", "address", "port", "action", "count", "follow"],
    says: stream<FlowMessage>(),
  },
  /** The images that users made known, in all regions. */
  images: {
    method: "GET",
    path: "images",
    named: false,
    open: nobody,
    question: [],
    says: answer<ImagesAnswer>(),
  },
  aliasImage: {
    method: "POST",
    path: "image-alias",
    named: false,
    open: nobody,
    question: IMAGE,
    says: answer<ImageAnswer>(),
  },
  removeImage: {
    method: "POST",
    path: "image-remove",
    named: false,
    open: nobody,
    question: IMAGE,
    says: answer<ImageAnswer>(),
  },
  /** Takes the machine out of use; with `undo` back into it. */
  drain: {
    method: "POST",
    path: "drain",
    named: true,
    open: nobody,
    question: ["undo"],
    says: answer<DrainAnswer>(),
  },
  /** What lets other machines join the region. */
  token: {
    method: "GET",
    path: "token",
    named: false,
    open: nobody,
    question: [],
    says: answer<Invitation>(),
  },
  /** Takes the machine out of the region; `self`: the machine itself asks. */
  leave: {
    method: "POST",
    path: "leave",
    named: true,
    open: nobody,
    question: ["self"],
    says: answer<LeaveAnswer>(),
  },
  /** Moves what a machine ran that is away; `off`: somebody has made sure that it is off. */
  recover: {
    method: "POST",
    path: "recover",
    named: true,
    open: nobody,
    question: ["off"],
    says: answer<RecoverAnswer>(),
  },
  reset: {
    method: "POST",
    path: "reset",
    named: false,
    open: nobody,
    question: [],
    says: answer<{ readonly reset: true }>(),
  },
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;
type EndpointAt<Name extends EndpointName> = (typeof ENDPOINTS)[Name];
/** Those that answer in one of the three forms. */
type NameOf<Form extends Endpoint["says"]["form"]> = {
  [Name in EndpointName]: EndpointAt<Name>["says"]["form"] extends Form ? Name : never;
}[EndpointName];
export type AnswerName = NameOf<"answer">;
export type StreamName = NameOf<"stream">;

/** What the endpoint answers; of a stream, one line of it. */
export type Answer<Name extends EndpointName> = EndpointAt<Name>["says"] extends
  | Answers<infer One>
  | Streams<infer One>
  ? One
  : string;
export type Question<Name extends EndpointName> = Readonly<
  Partial<Record<EndpointAt<Name>["question"][number], string>>
>;
/** A question, and the name of what it is about where the endpoint wants one. */
export type Asked<Name extends EndpointName> = {
  readonly question?: Question<Name>;
} & (EndpointAt<Name>["named"] extends true ? { readonly id: string } : { readonly id?: never });

/** Where the question is asked, with all that it says. */
export function pathOf<Name extends EndpointName>(name: Name, { id, question }: Asked<Name>): string {
  const query = new URLSearchParams(question as Readonly<Record<string, string>> | undefined).toString();
  const { path } = ENDPOINTS[name];
  return `/_genkan/${path}${id === undefined ? "" : `/${encodeURIComponent(id)}`}${query === "" ? "" : `?${query}`}`;
}
