export type Language = "en" | "ja";

/** One sentence in both languages; `{name}` stands for a value. */
export type Words = { readonly en: string; readonly ja: string };

/** `--lang`, else the locale (LC_ALL, LC_MESSAGES, LANG, in POSIX's order), else English. */
export function languageOf(flag: string | undefined, environment: NodeJS.ProcessEnv): Language {
  const wanted = flag ?? (environment["LC_ALL"] || environment["LC_MESSAGES"] || environment["LANG"] || "");
  return wanted.toLowerCase().startsWith("ja") ? "ja" : "en";
}

/**
 * The sentence with its values filled in; a value that is missing stays visible as `{name}`. Spaces set off what is not
 * Japanese in a Japanese sentence: beside a value that is Japanese itself they go.
 */
export function say(language: Language, words: Words, values: Readonly<Record<string, string | number>> = {}): string {
  const filled = words[language].replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
  return language === "ja" ? filled.replaceAll(/(?<=[ぁ-ヿ一-龠]) (?=[ぁ-ヿ一-龠])/g, "") : filled;
}

export type Paint = {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
};

/** Colour on a terminal only, and not where NO_COLOR asks for none. */
export function paintFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Paint {
  const colour = stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  const wrap = (code: number) => (text: string) => (colour ? `\u001B[${code}m${text}\u001B[0m` : text);
  return { good: wrap(32), bad: wrap(31), strong: wrap(1), faint: wrap(2) };
}
