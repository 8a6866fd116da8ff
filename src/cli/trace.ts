import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import type { Arguments } from "./arguments.ts";
import { ask, CommandError, type Control, follow } from "./control.ts";
import { type Language, type Paint, say } from "./language.ts";
import { interfaceBlock, packetBlock, sectionBlock } from "./pcapng.ts";
import { flowTexts, lineText, type Place, placeText, type TraceLine, whyText } from "./trace-line.ts";
import { type PacketTrace, walkLines } from "./trace-packet.ts";
import { LIVE } from "./trace-words.ts";
import { VERSION } from "./version.ts";

type Call = {
  /** An instance's or an interface's id, or `internet`. */
  readonly id: string | undefined;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
};

type Message =
  | TraceLine
  | { readonly kind: "watching" }
  | { readonly kind: "lost"; readonly packets: number }
  | { readonly kind: "end"; readonly why: "count" | "stopped" };

/** `genkan trace`: live, or with `--to` one packet's way. Resolves to the exit status. */
export async function traced(call: Call): Promise<number> {
  return call.options["to"] === undefined ? watch(call) : walk(call);
}

async function walk({ id, control, options, language, paint }: Call): Promise<number> {
  const question = pick(options, ["to", "from", "protocol"]);
  const trace = await ask<PacketTrace>(control, "GET", `trace/${encodeURIComponent(id ?? "internet")}?${question}`);
  const lines = options["json"] ? [JSON.stringify(trace, null, 2)] : walkLines(trace, language, paint);
  process.stdout.write(`${lines.join("\n")}\n`);
  return trace.verdict === "passed" ? 0 : 1;
}

const FILTERS = ["instance", "address", "port", "verdict", "reason", "count"] as const;
const DEFAULT_SNAP = "128";

async function watch(call: Call): Promise<number> {
  const { id, control, options, language } = call;
  const { pcap, snap } = options as Readonly<Record<string, string | undefined>>;
  if (pcap !== undefined && options["json"]) throw new CommandError("--pcap and --json write different things: choose one.");
  if (pcap === "-" && process.stdout.isTTY) throw new CommandError("--pcap - writes to a pipe: genkan trace --pcap - | wireshark -k -i -");
  const question = pick({ ...options, ...(id === undefined ? {} : { instance: id }) }, FILTERS);
  if (pcap !== undefined || snap !== undefined) question.set("frames", snap ?? DEFAULT_SNAP);
  const ending = endings();
  const sink = pcap === undefined ? lineSink(call) : captureSink(pcap, Number(snap ?? DEFAULT_SNAP), language);
  sink.out.on("error", (error: NodeJS.ErrnoException) =>
    ending.abort(error.code === "EPIPE" ? undefined : new CommandError(error.message)),
  );
  let packets = 0;
  let lost = 0;
  let stopped = false;
  for await (const message of follow(control, `trace?${question}`, ending.signal) as AsyncGenerator<Message>) {
    if (message.kind === "packet") {
      packets += 1;
      if (!sink.take(message)) await drained(sink.out, ending.signal);
    } else if (message.kind === "watching" && packets === 0 && lost === 0) sink.begin(question);
    else if (message.kind === "lost") lost = message.packets;
    else if (message.kind === "end") stopped = message.why === "stopped";
    if (ending.signal.aborted) break;
  }
  await sink.close(packets);
  if (lost > 0) warn(say(language, LIVE.lost, { packets: lost }));
  if (stopped) warn(say(language, LIVE.stopped));
  if (ending.signal.reason instanceof CommandError) throw ending.signal.reason;
  return stopped ? 1 : 0;
}

function pick(options: Call["options"], names: readonly string[]): URLSearchParams {
  const question = new URLSearchParams();
  for (const name of names) if (typeof options[name] === "string") question.set(name, options[name]);
  return question;
}

function warn(line: string): void {
  process.stderr.write(`genkan: ${line}\n`);
}

/** Aborted by Ctrl-C. */
function endings(): AbortController {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort());
  return controller;
}

async function drained(out: Writable, signal: AbortSignal): Promise<void> {
  try {
    await once(out, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Where packets go: lines on the terminal, or a file. `take` is false when it would rather be given no more for now. */
type Sink = {
  readonly out: Writable;
  readonly begin: (question: URLSearchParams) => void;
  readonly take: (line: TraceLine) => boolean;
  readonly close: (packets: number) => Promise<void>;
};

function lineSink({ options, language, paint }: Call): Sink {
  const out = process.stdout;
  const text = (line: TraceLine): string => (options["json"] ? JSON.stringify(line) : lineText(line, language, paint));
  let begun = false;
  return {
    out,
    begin: (question) => {
      if (begun || options["json"]) return;
      begun = true;
      const what = [...question].map(([name, value]) => ` ${name}=${value}`).join("");
      process.stderr.write(`${say(language, LIVE.watching, { what })}\n`);
    },
    take: (line) => out.write(`${text(line)}\n`),
    close: async () => undefined,
  };
}

function captureSink(file: string, snap: number, language: Language): Sink {
  const out = file === "-" ? process.stdout : createWriteStream(file);
  const interfaces = new Map<string, number>();
  const numberOf = (place: Place): number => {
    const name = place.kind === "interface" && place.instance !== undefined ? `${place.instance} ${place.id}` : placeText(place, "en");
    const known = interfaces.get(name);
    if (known !== undefined) return known;
    out.write(interfaceBlock(name, snap));
    interfaces.set(name, interfaces.size);
    return interfaces.size - 1;
  };
  out.write(sectionBlock(`Genkan ${VERSION}`));
  return {
    out,
    begin: () => undefined,
    take: (line) =>
      out.write(
        packetBlock({
          // A frame that goes on is seen where it leaves, one that does not where it came in.
          interface: numberOf(line.verdict === "passed" && line.to ? line.to : line.from),
          time: microseconds(line.time),
          frame: Buffer.from(line.frame ?? "", "base64"),
          length: line.frameLength ?? line.length,
          comment: commentOf(line, language),
          action: line.verdict === "passed" || line.answered ? "redirected" : "dropped",
        }),
      ),
    close: async (packets) => {
      if (file === "-" || out.destroyed) return;
      out.end();
      await once(out, "close");
      warn(say(language, LIVE.written, { packets, file }));
    },
  };
}

function commentOf(line: TraceLine, language: Language): string {
  const verdict = say(language, LIVE[line.verdict]);
  const why = line.reason === undefined ? [] : [`${line.reason}: ${whyText(line, language)}`];
  return [verdict, ...why, ...flowTexts(line, language)].join("; ");
}

function microseconds(time: string): bigint {
  return BigInt(Date.parse(time)) * 1000n + BigInt(/\.\d{3}(\d{3})/.exec(time)?.[1] ?? 0);
}
