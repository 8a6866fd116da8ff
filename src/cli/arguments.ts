import { parseArgs, type ParseArgsConfig } from "node:util";
import { CommandError } from "../lib/command-error.ts";
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

/** How many words a command takes besides its options; those not named here take none. */
const WORDS: Partial<Record<VerbName, number>> = {
  exec: Infinity,
  internet: Infinity,
  explain: 1,
  trace: 1,
  flows: 1,
  image: 2,
  drain: 1,
  join: 1,
  leave: 1,
  recover: 1,
};

/**
 * Undefined asks for the overview. @throws CommandError for an unknown command or option, or a word too many.
 */
export function parseArguments(argv: readonly string[]): Arguments | undefined {
  const [name, ...words] = argv;
  if (name === "help" && words[0] !== undefined && isVerb(words[0]))
    return { ...parsed(words[0], words.slice(1)), help: true };
  if (name === undefined || name === "-h" || name === "help" || /^--(help|lang(=.*)?)$/.test(name))
    return undefined;
  return parsed(name, words);
}

/** What `--lang` says, wherever it stands: for the overview, which has no options of its own. */
export function languageFlag(argv: readonly string[]): string | undefined {
  const index = argv.findIndex((word) => /^--lang(=|$)/.test(word));
  return index < 0 ? undefined : (argv[index]?.split("=")[1] ?? argv[index + 1]);
}

function parsed(name: string, words: readonly string[]): Arguments {
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
  // Every command's help speaks Japanese, so every command takes --lang.
  const { values, positionals } = parsedWords(name, own, {
    ...options,
    lang: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  const { help, ...given } = values as Record<string, string | boolean | string[] | undefined>;
  const extra = positionals[WORDS[name] ?? 0];
  if (extra !== undefined)
    throw new CommandError(`'${extra}' is one word too many. See: ./genkan ${name} --help`);
  return {
    verb: name,
    options: given,
    positionals,
    rest: cut < 0 ? [] : words.slice(cut + 1),
    help: help === true,
  };
}

function parsedWords(
  name: VerbName,
  args: readonly string[],
  options: ParseArgsConfig["options"],
): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args: [...args], options: options ?? {}, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new CommandError(
      `${(cause as Error).message.split(/\n|\. To specify/)[0]?.replace(/\.?$/, ".")} See: ./genkan ${name} --help`,
      {
        cause,
      },
    );
  }
}

export function text(value: Arguments["options"][string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function texts(value: Arguments["options"][string]): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** The options among these that have a text. */
export function pick<Name extends string>(
  options: Arguments["options"],
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const given = names.flatMap((name) => {
    const value = options[name];
    return typeof value === "string" ? [[name, value] as const] : [];
  });
  return Object.fromEntries(given) as Partial<Record<Name, string>>;
}

/** The words without these options and their values, which may follow as a word of their own. */
export function withoutOptions(words: readonly string[], options: readonly string[]): readonly string[] {
  return words.filter((word, index) => {
    const before = words[index - 1] ?? "";
    const isValue = !word.startsWith("-") && options.includes(before);
    return !isValue && !options.includes(word.split("=")[0] ?? "");
  });
}
