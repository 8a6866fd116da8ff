import { type Language, say } from "../words/language.ts";
import { type Verb, VERBS, type VerbName } from "./verbs.ts";

const TITLE = {
  en: "Genkan: the AWS internet gateway as software. The EC2 API in front, real packets behind.",
  ja: "Genkan（玄関）: ソフトウェアになった AWS インターネットゲートウェイ。前に EC2 API、後ろに本物のパケット。",
};
const MORE = {
  en: "genkan COMMAND --help tells more of one command.",
  ja: "各コマンドの詳細: genkan コマンド --help",
};

export function overview(language: Language): string {
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  const rows = Object.entries(VERBS).map(
    ([name, verb]) => `  ${name.padEnd(width)}  ${say(language, verb.summary)}`,
  );
  return [say(language, TITLE), "", ...rows, "", say(language, MORE)].join("\n");
}

export function helpOf(name: VerbName, language: Language): string {
  const verb: Verb = VERBS[name];
  const rows = Object.entries(verb.options).map(
    ([option, { value, words }]) => [`--${option}${value ? ` ${value}` : ""}`, say(language, words)] as const,
  );
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return [
    `${verb.usage}`,
    "",
    `  ${say(language, verb.summary)}`,
    ...(verb.more ?? []).map((words) => `  ${say(language, words)}`),
    ...(rows.length > 0 ? [""] : []),
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
}
