export type Language = "en" | "ja";

/** One sentence in both languages; `{name}` stands for a value. */
export type Words = { readonly en: string; readonly ja: string };

/**
 * The sentence with its values filled in; a value that is missing stays visible as `{name}`. Spaces set off
 * what is not Japanese in a Japanese sentence: beside a value that is Japanese itself they go.
 */
export function say(
  language: Language,
  words: Words,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const filled = words[language].replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
  return language === "ja" ? filled.replaceAll(/(?<=[ぁ-ヿ一-龠]) (?=[ぁ-ヿ一-龠])/g, "") : filled;
}
