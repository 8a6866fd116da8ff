import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { VERSION } from "../home/version.ts";
import { CommandError } from "../lib/command-error.ts";
import { ENDPOINTS, type Question } from "../protocol/endpoints.ts";
import type { PacketEnd, TraceLine } from "../protocol/trace.ts";
import { type Language, say } from "../words/language.ts";
import { flowTexts, packetEndText, whyText } from "../words/trace-text.ts";
import { LIVE } from "../words/trace.ts";
import { type Arguments, pick, text } from "./arguments.ts";
import { ask, type Control, follow } from "./control.ts";
import type { Paint } from "./paint.ts";
import { interfaceBlock, packetBlock, sectionBlock } from "./pcapng.ts";
import { lineText } from "./trace-line.ts";
import { walkLines } from "./trace-packet.ts";

type Call = {
  /** An instance's or an interface's id, or `internet`. */
  readonly id: string | undefined;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
};

/** `genkan trace`: live, or with `--to` one packet's way. Resolves to the exit status. */
export async function traced(call: Call): Promise<number> {
  checkTogether(call);
  return call.options["to"] === undefined ? watch(call) : walk(call);
}

const OF_WALK = ["from", "protocol"] as const;
const OF_WATCH = ["address", "port", "verdict", "reason", "count", "pcap", "snap"] as const;

/** @throws CommandError for options that would say nothing beside the others. */
function checkTogether({ id, options }: Call): void {
  const walking = options["to"] !== undefined;
  const idle = (walking ? OF_WATCH : OF_WALK).find((name) => options[name] !== undefined);
  if (idle === "port")
    throw new CommandError("with --to, the port stands behind the address: --to ADDRESS:PORT");
  if (idle !== undefined)
    throw new CommandError(
      walking ? `--${idle} is for watching: not with --to.` : `--${idle} goes with --to.`,
    );
  if (id !== undefined && options["instance"] !== undefined)
    throw new CommandError("INSTANCE and --instance say the same: choose one.");
  if (id === "internet" && !walking)
    throw new CommandError("`genkan trace internet` goes with --to. To watch all packets: ./genkan trace");
}

async function walk({ id, control, options, language, paint }: Call): Promise<number> {
  const question = pick(options, ENDPOINTS.tracePacket.question);
  const from = id ?? text(options["instance"]) ?? "internet";
  const trace = await ask(control, "tracePacket", { id: from, question });
  const lines = options["json"] ? [JSON.stringify(trace, null, 2)] : walkLines(trace, language, paint);
  process.stdout.write(`${lines.join("\n")}\n`);
  return trace.verdict === "passed" ? 0 : 1;
}

const DEFAULT_SNAP = "128";

async function watch(call: Call): Promise<number> {
  const { id, control, options, language } = call;
  const { pcap, snap } = options as Readonly<Record<string, string | undefined>>;
  if (pcap !== undefined && options["json"])
    throw new CommandError("--pcap and --json write different things: choose one.");
  if (pcap === "-" && process.stdout.isTTY)
    throw new CommandError("--pcap - writes to a pipe: genkan trace --pcap - | wireshark -k -i -");
  const frames = pcap !== undefined || snap !== undefined ? { frames: snap ?? DEFAULT_SNAP } : {};
  const question = {
    ...pick({ ...options, ...(id === undefined ? {} : { instance: id }) }, ENDPOINTS.trace.question),
    ...frames,
  };
  const ending = endings();
  // Opened once the watch stands: a refused one leaves an older capture as it is.
  const open = (): Sink => {
    const opened =
      pcap === undefined ? lineSink(call) : captureSink(pcap, Number(snap ?? DEFAULT_SNAP), language);
    opened.out.on("error", (error: NodeJS.ErrnoException) =>
      ending.abort(error.code === "EPIPE" ? undefined : new CommandError(error.message)),
    );
    if (!options["json"])
      process.stderr.write(`${say(language, LIVE.watching, { what: filtersText(question) })}\n`);
    return opened;
  };
  let sink: Sink | undefined;
  let packets = 0;
  let lost = 0;
  let stopped = false;
  for await (const message of follow(control, "trace", { question }, ending.signal)) {
    sink ??= open();
    if (message.kind === "packet") {
      packets += 1;
      if (!sink.take(message)) await drained(sink.out, ending.signal);
    } else if (message.kind === "lost") lost = message.packets;
    else if (message.kind === "end") stopped = message.why === "stopped";
    if (ending.signal.aborted) break;
  }
  await sink?.close(packets);
  if (lost > 0) warn(say(language, LIVE.lost, { packets: lost }));
  if (stopped) warn(say(language, LIVE.stopped));
  if (ending.signal.reason instanceof CommandError) throw ending.signal.reason;
  return stopped ? 1 : 0;
}

function filtersText(question: Question<"trace">): string {
  return Object.entries(question)
    .map(([name, value]) => ` ${name === "frames" ? "snap" : name}=${value}`)
    .join("");
}

function warn(line: string): void {
  process.stderr.write(`genkan: ${line}\n`);
}

/** Aborted by Ctrl-C; a second one, as `timeout` sends it, changes nothing: a capture is still closed. */
function endings(): AbortController {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  return controller;
}

async function drained(out: Writable, signal: AbortSignal): Promise<void> {
  try {
    await once(out, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Where packets go: lines on the terminal, or a file. `take` is false when it would rather be given no more
 * for now.
 */
type Sink = {
  readonly out: Writable;
  readonly take: (line: TraceLine) => boolean;
  readonly close: (packets: number) => Promise<void>;
};

function lineSink({ options, language, paint }: Call): Sink {
  const out = process.stdout;
  const text = (line: TraceLine): string =>
    options["json"] ? JSON.stringify(line) : lineText(line, language, paint);
  return {
    out,
    take: (line) => out.write(`${text(line)}\n`),
    close: async () => undefined,
  };
}

function captureSink(file: string, snap: number, language: Language): Sink {
  const out = file === "-" ? process.stdout : createWriteStream(file);
  const interfaces = new Map<string, number>();
  const numberOf = (place: PacketEnd): number => {
    const name =
      place.kind === "interface" && place.instance !== undefined
        ? `${place.instance} ${place.id}`
        : packetEndText(place, "en");
    const known = interfaces.get(name);
    if (known !== undefined) return known;
    out.write(interfaceBlock(name, snap));
    interfaces.set(name, interfaces.size);
    return interfaces.size - 1;
  };
  out.write(sectionBlock(`Genkan ${VERSION}`));
  return {
    out,
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
