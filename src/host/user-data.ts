import { gunzipSync } from "node:zlib";
import { type CloudConfig, compileCloudConfig } from "./cloud-config.ts";
import { mimeParts } from "./mime.ts";
import { listOf, readYaml } from "./yaml.ts";

/** The parts of its user data that an instance runs, and those that it does not. */
export type UserData = {
  /** In the order in which they run. */
  readonly programs: readonly Program[];
  /** Notes for the user on the parts that are not carried out. */
  readonly notes: readonly string[];
  /** The instance's name, when the user data gives one. */
  readonly hostname: string | undefined;
  /** Its domain, when the user data gives a full name. */
  readonly domain: string | undefined;
};

/** An executable file. `boot`: runs at each boot; `once`: only at the first one. */
type Program = { readonly name: string; readonly when: "boot" | "once"; readonly text: Uint8Array | string };

/** Maximum length of user data after unpacking. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 64;

type Part = { readonly kind: Kind; readonly content: Uint8Array };

/** A text's kind by its beginning (cloud-init's "User data formats"); of two beginnings, the longer first. */
const BEGINNINGS = {
  "#!": "script",
  "#cloud-boothook": "boothook",
  "#cloud-config-archive": "archive",
  "#cloud-config-jsonp": "jsonp",
  "#cloud-config": "config",
  "#include-once": "include",
  "#include": "include",
  "#part-handler": "part-handler",
  "#upstart-job": "upstart-job",
  "## template: jinja": "template",
} as const;

/** A part's kind by its declared type; a part of any other type is known by its beginning. */
const TYPES = {
  "text/x-shellscript": "script",
  "text/x-shellscript-per-boot": "boot-script",
  "text/x-shellscript-per-instance": "script",
  "text/x-shellscript-per-once": "script",
  "text/cloud-boothook": "boothook",
  "text/cloud-config": "config",
  "text/cloud-config-archive": "archive",
  "text/cloud-config-jsonp": "jsonp",
  "text/x-include-url": "include",
  "text/x-include-once-url": "include",
  "text/part-handler": "part-handler",
  "text/upstart-job": "upstart-job",
  "text/jinja2": "template",
} as const;

type Kind = (typeof BEGINNINGS)[keyof typeof BEGINNINGS] | (typeof TYPES)[keyof typeof TYPES] | "unknown";

/** Kinds that are not run. */
const REFUSED: Partial<Record<Kind, string>> = {
  jsonp: "a cloud-config of JSON patches is not run here",
  include: "an include list is not followed: there is nothing to fetch from",
  "part-handler": "a part handler is not run here",
  "upstart-job": "an upstart job is not run here",
  template: "a template (## template: jinja) is not run here",
  unknown: "it is neither a script (#!) nor of another format that cloud-init knows, so nothing of it is run",
};

/** Reads user data as cloud-init does on AWS. It never fails: what can't be read is a note. */
export function readUserData(userData: Uint8Array): UserData {
  const notes: string[] = [];
  const parts = partsOf(unzipped(userData));
  if (parts.length > MAX_PARTS)
    notes.push(`it has ${parts.length} parts; those after the first ${MAX_PARTS} are not run`);
  const taken = parts.slice(0, MAX_PARTS);
  notes.push(...new Set(taken.flatMap(({ kind }) => REFUSED[kind] ?? [])));
  const config = compileCloudConfig(
    taken.flatMap(({ kind, content }) => (kind === "config" ? [textOf(content)] : [])),
  );
  return {
    programs: programsOf(taken, config),
    notes: [...notes, ...config.notes],
    hostname: config.hostname,
    domain: config.domain,
  };
}

/** Boothooks in the order of their parts, then the configuration's own steps, then scripts, by name. */
function programsOf(parts: readonly Part[], config: CloudConfig): readonly Program[] {
  const named = parts.map((part, i) => ({ ...part, name: `part-${String(i + 1).padStart(3, "0")}` }));
  const scripts = (kind: Kind, when: Program["when"]): readonly Program[] =>
    named.filter((part) => part.kind === kind).map(({ name, content }) => ({ name, when, text: content }));
  const hooks = scripts("boothook", "boot").map((hook) => ({
    ...hook,
    text: withoutFirstLine(textOf(hook.text)),
  }));
  const step = (name: string, when: Program["when"], text: string): readonly Program[] =>
    text === "" ? [] : [{ name, when, text }];
  return [
    ...hooks,
    ...step("bootcmd", "boot", config.bootcmd),
    ...step("cloud-config", "once", config.setUp),
    ...scripts("boot-script", "boot"),
    ...scripts("script", config.scriptsAlways ? "boot" : "once"),
    ...step("runcmd", config.scriptsAlways ? "boot" : "once", config.runcmd),
    ...step("final", "once", config.final),
  ];
}

function withoutFirstLine(text: string): string {
  const rest = text.startsWith("#cloud-boothook") ? text.slice(text.indexOf("\n") + 1 || text.length) : text;
  return rest.startsWith("#!") ? rest : `#!/bin/sh\n${rest}`;
}

function partsOf(userData: Uint8Array): readonly Part[] {
  if (userData.length === 0) return [];
  const start = startOf(userData, 4_096).toLowerCase();
  const whole = /^(content-type|mime-version):/m.test(start) && kindByStart(userData) === "unknown";
  const parts: readonly Part[] = whole
    ? mimeParts(userData).map(({ type, content }) => ({
        kind: kindOf(type, unzipped(content)),
        content: unzipped(content),
      }))
    : [{ kind: kindByStart(userData), content: userData }];
  return parts
    .flatMap((part) => (part.kind === "archive" ? archived(part.content) : [part]))
    .filter(({ content }) => content.length > 0);
}

function kindOf(type: string, content: Uint8Array): Kind {
  return Object.hasOwn(TYPES, type) ? TYPES[type as keyof typeof TYPES] : kindByStart(content);
}

function kindByStart(content: Uint8Array): Kind {
  const start = startOf(content, 64);
  const found = Object.entries(BEGINNINGS).find(([beginning]) => start.startsWith(beginning));
  return found?.[1] ?? "unknown";
}

/** A cloud-config archive: a list of texts, or of texts with their types. */
function archived(content: Uint8Array): readonly Part[] {
  const parts = listOf(yamlOf(content)).map((entry) => {
    const { type, content: inner } =
      typeof entry === "string"
        ? { type: "", content: entry }
        : ((entry ?? {}) as Partial<Record<string, unknown>>);
    const bytes = Buffer.from(typeof inner === "string" ? inner : "");
    const kind = kindOf(typeof type === "string" ? type : "", bytes);
    return { kind: kind === "archive" ? "unknown" : kind, content: bytes } as const;
  });
  return parts.length > 0 ? parts : [{ kind: "unknown", content }];
}

function yamlOf(content: Uint8Array): unknown {
  try {
    return readYaml(textOf(content));
  } catch {
    return undefined;
  }
}

function startOf(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.subarray(0, length)).toString("latin1");
}

function textOf(bytes: Uint8Array | string): string {
  return typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8");
}

/** Unpacks user data, or a part of it, that is compressed; what can't be unpacked stays as it is. */
function unzipped(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch {
    return bytes;
  }
}
