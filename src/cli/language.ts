import type { Language } from "../words/language.ts";

/** `--lang`, else the locale (LC_ALL, LC_MESSAGES, LANG, in POSIX's order), else English. */
export function languageOf(flag: string | undefined, environment: NodeJS.ProcessEnv): Language {
  const wanted = flag ?? (environment["LC_ALL"] || environment["LC_MESSAGES"] || environment["LANG"] || "");
  return wanted.toLowerCase().startsWith("ja") ? "ja" : "en";
}
