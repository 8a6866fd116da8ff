import { once } from "node:events";
import type { Arguments } from "./arguments.ts";
import { ask, CommandError, type Control, follow } from "./control.ts";
import { FLOWS } from "./flows-verb.ts";
import { type Language, type Paint, say } from "./language.ts";
import type { Status } from "./status.ts";

type Call = {
  /** An instance's or an interface's id. */
  readonly id: string | undefined;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
};

type Message =
  | { readonly kind: "record"; readonly log: string; readonly line: string; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "watching" }
  | { readonly kind: "end"; readonly why: "count" | "read" | "stopped" };

const FILTERS = ["log", "address", "port", "action", "count"] as const;

/** `genkan flows`. Resolves to the exit status. */
export async function flows({ id, control, options, language, paint }: Call): Promise<number> {
  const question = new URLSearchParams(id === undefined ? {} : { instance: id });
  for (const name of FILTERS) if (typeof options[name] === "string") question.set(name, options[name]);
  const asked = [...question].map(([name, value]) => ` ${name}=${value}`).join("");
  const following = options["follow"] === true;
  if (following) question.set("follow", "1");
  const ending = endings();
  let begun = false;
  let why = "";
  let told = 0;
  if (following) await warnWithoutLogs(control, language);
  for await (const message of follow(control, `flows?${question}`, ending.signal) as AsyncGenerator<Message>) {
    if (message.kind === "record") {
      told += 1;
      const text = options["json"] ? JSON.stringify({ flowLogId: message.log, ...message.fields }) : painted(message, paint);
      if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain", { signal: ending.signal }).catch(() => undefined);
    } else if (message.kind === "end") why = message.why;
    else if (!begun && !options["json"]) process.stderr.write(`${say(language, FLOWS.following, { what: asked })}\n`);
    begun = true;
    if (ending.signal.aborted) break;
  }
  if (ending.signal.reason instanceof CommandError) throw ending.signal.reason;
  if (why === "read" && told === 0) await saySilence(control, language);
  if (why !== "stopped") return 0;
  process.stderr.write(`genkan: ${say(language, FLOWS.stopped)}\n`);
  return 1;
}

/** Nothing on the output says nothing of the reason. */
async function saySilence(control: Control, language: Language): Promise<void> {
  if (await warnWithoutLogs(control, language)) return;
  process.stderr.write(`genkan: ${say(language, FLOWS.none)}\n`);
}

async function warnWithoutLogs(control: Control, language: Language): Promise<boolean> {
  const { regions } = await ask<Status>(control, "GET", "status");
  const missing = regions.every(({ flowLogs }) => flowLogs === 0);
  if (missing) process.stderr.write(`genkan: ${say(language, FLOWS.noLog)}\n`);
  return missing;
}

function painted({ line, fields }: Message & { readonly kind: "record" }, paint: Paint): string {
  const action = fields["action"];
  return action === "REJECT" ? paint.bad(line) : action === "ACCEPT" ? line : paint.faint(line);
}

/** Aborted by Ctrl-C, and when nobody reads any more. */
function endings(): AbortController {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  process.stdout.on("error", (error: NodeJS.ErrnoException) =>
    controller.abort(error.code === "EPIPE" ? undefined : new CommandError(error.message)),
  );
  return controller;
}
