import { once } from "node:events";
import { CommandError } from "../lib/command-error.ts";
import { ENDPOINTS } from "../protocol/endpoints.ts";
import type { FlowLine } from "../protocol/flows.ts";
import { FLOWS } from "../words/flows.ts";
import { type Language, say } from "../words/language.ts";
import { type Arguments, pick } from "./arguments.ts";
import { ask, type Control, follow } from "./control.ts";
import type { Paint } from "./paint.ts";

type Call = {
  /** An instance's or an interface's id. */
  readonly id: string | undefined;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
};

/** `genkan flows`. Resolves to the exit status. */
export async function flows({ id, control, options, language, paint }: Call): Promise<number> {
  const question = pick(
    { ...options, ...(id === undefined ? {} : { instance: id }) },
    ENDPOINTS.flows.question,
  );
  const asked = Object.entries(question)
    .map(([name, value]) => ` ${name}=${value}`)
    .join("");
  const following = options["follow"] === true;
  const ending = endings();
  let begun = false;
  let why = "";
  let told = 0;
  if (following) await warnWithoutLogs(control, language);
  for await (const message of follow(
    control,
    "flows",
    { question: { ...question, ...(following ? { follow: "1" } : {}) } },
    ending.signal,
  )) {
    if (message.kind === "record") {
      told += 1;
      const text = options["json"]
        ? JSON.stringify({ flowLogId: message.log, ...message.fields })
        : painted(message, paint);
      if (!process.stdout.write(`${text}\n`))
        await once(process.stdout, "drain", { signal: ending.signal }).catch(() => undefined);
    } else if (message.kind === "end") why = message.why;
    else if (!begun && !options["json"])
      process.stderr.write(`${say(language, FLOWS.following, { what: asked })}\n`);
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
  const { regions } = await ask(control, "status");
  const missing = regions.every(({ flowLogs }) => flowLogs === 0);
  if (missing) process.stderr.write(`genkan: ${say(language, FLOWS.noLog)}\n`);
  return missing;
}

function painted({ line, fields }: FlowLine, paint: Paint): string {
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
