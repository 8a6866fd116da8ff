import { parse } from "yaml";
import { reasons } from "../lib/reasons.ts";

export type YamlMap = Readonly<Record<string, unknown>>;

/** Maximum length of one document, in characters; more would keep the control plane busy. */
const MAX_TEXT = 1 << 20;

export function isMap(value: unknown): value is YamlMap {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Reads a document in cloud-init's YAML (1.1: `yes` is true, 0644 is octal). @throws when it is not YAML.
 */
export function readYaml(text: string): unknown {
  if (text.length > MAX_TEXT) throw new Error(`it has more than ${MAX_TEXT} characters`);
  return parse(text, { version: "1.1", uniqueKeys: false, logLevel: "error" });
}

/**
 * The maps of several documents in one, as cloud-init merges them: a later value takes an earlier one's
 * place, or is appended when `merge_how` says so.
 */
export function mergedMaps(texts: readonly string[], say: (note: string) => void): YamlMap {
  const merged = new Map<string, unknown>();
  for (const text of texts) {
    const map = readMap(text, say);
    const appends = /list\W+(settings\W+)?append/.test(
      JSON.stringify(map["merge_how"] ?? map["merge_type"] ?? ""),
    );
    for (const [key, value] of Object.entries(map)) {
      const old = merged.get(key);
      merged.set(
        key,
        appends && Array.isArray(old) && Array.isArray(value)
          ? [...(old as unknown[]), ...(value as unknown[])]
          : value,
      );
    }
  }
  return Object.fromEntries(merged);
}

function readMap(text: string, say: (note: string) => void): YamlMap {
  try {
    const value = readYaml(text);
    if (isMap(value)) return value;
    if (value !== null && value !== undefined)
      say("a cloud-config is no YAML map, and nothing of it is done");
  } catch (cause) {
    say(`a cloud-config can't be read, and nothing of it is done: ${reasons(cause).split("\n")[0]}`);
  }
  return {};
}
