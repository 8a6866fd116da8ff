import { parseArgs } from "node:util";
import { CommandError } from "./control.ts";
import { isVerb, type Verb, VERBS, type VerbName } from "./verbs.ts";

export type Arguments = {
  readonly verb: VerbName;
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
  readonly help: boolean;
};

/** The commands whose words after the first belong to another program. */
const PASS_ON: ReadonlySet<VerbName> = new Set(["aws"]);

/** @throws CommandError for an unknown command or option. */
export function parseArguments(argv: readonly string[]): Arguments | undefined {
  const [name, ...words] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return undefined;
  if (!isVerb(name)) throw new CommandError(`genkan has no command '${name}'. See: ./genkan --help`);
  if (PASS_ON.has(name)) return { verb: name, options: {}, positionals: [], rest: words, help: false };
  const cut = words.indexOf("--");
  const own = cut < 0 ? words : words.slice(0, cut);
  const verb: Verb = VERBS[name];
  const options = Object.fromEntries(
    Object.entries(verb.options).map(([option, { type, multiple, short }]) => [
      option,
      { type, ...(multiple ? { multiple } : {}), ...(short ? { short } : {}) },
    ]),
  );
  try {
    const parsed = parseArgs({
      args: [...own],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
      strict: true,
    });
    const { help, ...values } = parsed.values as Record<string, string | boolean | string[] | undefined>;
    return { verb: name, options: values, positionals: parsed.positionals, rest: cut < 0 ? [] : words.slice(cut + 1), help: help === true };
  } catch (cause) {
    throw new CommandError(`${(cause as Error).message.split(/\n|\. To specify/)[0]?.replace(/\.?$/, ".")} See: ./genkan ${name} --help`, {
      cause,
    });
  }
}

export function text(value: Arguments["options"][string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function texts(value: Arguments["options"][string]): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}
